"""llama.cpp's own server out of the `xllamacpp` wheel, for tests.

An interpreter that has the wheel runs it; it imports nothing of ours. It prints `port=NUMBER` once
it listens and serves until it is ended.
"""

import argparse
import signal

import xllamacpp


def main() -> None:
    """Serve one model on this machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--alias", required=True)
    parser.add_argument("--ctx-size", type=int, required=True)
    parser.add_argument("--parallel", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = given.model
    params.model_alias = {given.alias}
    params.n_ctx, params.n_parallel = given.ctx_size, given.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = given.threads
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.ui, params.endpoint_slots = False, True
    server = xllamacpp.Server(params)
    print(f"port={server.listening_address.rpartition(':')[2]}", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
