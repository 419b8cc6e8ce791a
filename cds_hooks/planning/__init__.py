"""Capacity on paper: how many engines a hospital needs, and how long its questions wait.

Arithmetic for a first number, a discrete-event simulation for queues and waiting times. The queue
is the service's own (`inference.fair_queue`), as are its bounds and deadlines.
"""
