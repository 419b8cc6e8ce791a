{{- define "chartside.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "chartside.vllm" -}}
{{- printf "%s-vllm" (include "chartside.name" .) -}}
{{- end -}}

{{- define "chartside.selector" -}}
app.kubernetes.io/name: chartside
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: service
{{- end -}}

{{- define "chartside.vllmSelector" -}}
app.kubernetes.io/name: chartside
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: model-server
{{- end -}}

{{- define "chartside.labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "chartside.image" -}}
{{- printf "%s@%s" .repository .digest -}}
{{- end -}}

{{/* What every container of the chart may do: nothing but compute, in a file system that it cannot write. */}}
{{- define "chartside.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The addresses of the model servers, as JSON. */}}
{{- define "chartside.bases" -}}
{{- $bases := list -}}
{{- $name := include "chartside.vllm" . -}}
{{- range $number := until (int .Values.modelServer.replicas) -}}
{{- $bases = append $bases (printf "https://%s-%d.%s.%s.svc:%d" $name $number $name $.Release.Namespace (int $.Values.modelServer.port)) -}}
{{- end -}}
{{- $bases | toJson -}}
{{- end -}}

{{- define "chartside.probe" -}}
{{- if eq .root.Values.probes "command" -}}
exec:
  command:
    - /opt/chartside/.venv/bin/chartside
    - health
    - --within
    - "4"
    - --config
    - /etc/chartside/chartside.toml
    {{- if eq .path "/readyz" }}
    - --ready
    {{- end }}
{{- else -}}
httpGet:
  path: {{ .path }}
  port: https
  scheme: HTTPS
{{- end -}}
{{- end -}}
