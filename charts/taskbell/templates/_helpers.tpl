{{- define "taskbell.labels" -}}
app.kubernetes.io/name: taskbell
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "taskbell.image" -}}
{{ .root.Values.image.repository }}-{{ .image }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- /* Names of secrets: the user's own, else ours. */}}
{{- define "taskbell.databaseSecret" -}}
{{ .Values.database.existingSecret | default "taskbell-database" }}
{{- end }}
{{- define "taskbell.authSecret" -}}
{{ .Values.auth.existingSecret | default "taskbell-auth" }}
{{- end }}
{{- define "taskbell.apiTokenSecret" -}}
{{ .Values.dapr.existingApiTokenSecret | default "taskbell-dapr-api" }}
{{- end }}
{{- define "taskbell.appTokenSecret" -}}
{{ .Values.dapr.existingAppTokenSecret | default "taskbell-dapr-app" }}
{{- end }}

{{- define "taskbell.brokers" -}}
{{- if .Values.strimzi.enabled -}}
{{ .Values.strimzi.cluster }}-kafka-bootstrap.{{ .Release.Namespace }}.svc:9092
{{- else -}}
{{ required "kafka.brokers is not set: give the brokers as host:port,..., or set strimzi.enabled" .Values.kafka.brokers }}
{{- end }}
{{- end }}

{{- /* What the pub/sub component reads from its sidecar's environment. */}}
{{- define "taskbell.brokerAddress" -}}
{{- if eq .Values.dapr.pubsub "redis-pubsub" -}}
REDIS_HOST={{ required "redis.host is not set: give it as host:port" .Values.redis.host }}
{{- else -}}
KAFKA_BROKERS={{ include "taskbell.brokers" . }}
{{- end }}
{{- end }}

{{- /* A secret's value: the one that is there, so that it survives upgrades, else a new one. */}}
{{- define "taskbell.kept" -}}
{{- $found := lookup "v1" "Secret" .root.Release.Namespace .name -}}
{{- if and $found (hasKey ($found.data | default dict) .key) -}}
{{ index $found.data .key }}
{{- else -}}
{{ randAlphaNum 48 | b64enc }}
{{- end }}
{{- end }}

{{- /* Pod Security `restricted`. */}}
{{- define "taskbell.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}
{{- define "taskbell.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "taskbell.scheduling" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "taskbell.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end }}
