{{/* Every name is fixed: one agent a cluster, and its Secrets, Lease and field manager carry this name too. */}}
{{- define "edict-agent.name" -}}edict-agent{{- end }}

{{- define "edict-agent.selector" -}}
app.kubernetes.io/name: edict-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "edict-agent.labels" -}}
{{ include "edict-agent.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: edict
app.kubernetes.io/component: agent
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{- define "edict-agent.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The Secret that holds the token; empty when none is given, as after enrolment. */}}
{{- define "edict-agent.tokenSecret" -}}
{{- with .Values.token }}
{{- if and .existingSecret .value }}{{ fail "token.existingSecret and token.value are both set: give one" }}{{ end }}
{{- if .existingSecret }}{{ .existingSecret }}{{ else if .value }}edict-agent-token{{ end }}
{{- end }}
{{- end }}

{{/*
The names of the Secrets that the agent keeps its state in: the identity, the head, and two generations of the verified
release in pieces of at most 900 KiB, of which there are never more than 64.
*/}}
{{- define "edict-agent.secretNames" -}}
- edict-agent-identity
- edict-agent-state
{{- range $generation := list "a" "b" }}
{{- range $index := until 64 }}
- edict-agent-state-{{ $generation }}-{{ $index }}
{{- end }}
{{- end }}
{{- end }}
