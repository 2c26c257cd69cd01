{{/* What every name begins with: the release, so that the charts find one another's objects without being told. */}}
{{- define "weir.base" -}}
{{- default .Release.Name .Values.global.fullnameOverride -}}
{{- end }}

{{/*
The name of a component's objects. 52 characters at most: a StatefulSet's pods carry its name and 11 more characters
in a label, which takes 63. A name that was cut carries a digest, so that two long releases do not meet.
Takes (dict "root" $ "component" "price").
*/}}
{{- define "weir.fullname" -}}
{{- $base := include "weir.base" .root -}}
{{- $name := printf "%s-%s" $base .component -}}
{{- if gt (len $name) 52 -}}
{{- $end := printf "%s-%s" (sha256sum $base | trunc 5) .component -}}
{{- $name = printf "%s-%s" ($base | trunc (int (sub 51 (len $end))) | trimSuffix "-") $end -}}
{{- end -}}
{{- $name -}}
{{- end }}

{{/* What never changes over the life of a release: selectors may hold nothing else. */}}
{{- define "weir.selectorLabels" -}}
app.kubernetes.io/name: weir-{{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Labels of pods: without versions, so that a new chart alone rolls nothing. */}}
{{- define "weir.podLabels" -}}
{{ include "weir.selectorLabels" . }}
app.kubernetes.io/part-of: weir
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "weir.labels" -}}
{{ include "weir.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A reference: the digest goes before the tag, global.imageRegistry before the image's own. Takes root, image. */}}
{{- define "weir.image" -}}
{{- $registry := default .image.registry .root.Values.global.imageRegistry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .image.repository }}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ default .root.Chart.AppVersion .image.tag }}{{ end -}}
{{- end }}

{{/* What every pod says, but for its service account. Takes root, values (of the workload). */}}
{{- define "weir.podSettings" -}}
enableServiceLinks: false
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Replicas of one revision apart, as far as nodes and zones allow. Takes root, component, values. */}}
{{- define "weir.topologySpread" -}}
topologySpreadConstraints:
{{- if .values.topologySpreadConstraints }}
{{ toYaml .values.topologySpreadConstraints | indent 2 }}
{{- else }}
{{- $selector := include "weir.selectorLabels" . }}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- $selector | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end }}

{{/* The chart's variables and the user's, each name once: the API server refuses a list with two of a name. */}}
{{- define "weir.env" -}}
{{- $names := list }}
{{- range concat (fromYamlArray .own) .extra }}
{{- if has .name $names }}
{{- fail (printf "extraEnv sets %s, which the chart sets itself: look for the value that it comes from, or leave it out" .name) }}
{{- end }}
{{- $names = append $names .name }}
{{- end }}
{{- toYaml (concat (fromYamlArray .own) .extra) }}
{{- end }}

{{/* Any name of Valkey in the cluster ends in .svc: feeds in other namespaces use the same one. */}}
{{- define "weir.valkeyHost" -}}
{{- default (printf "%s.%s.svc" (include "weir.fullname" (dict "root" . "component" "valkey")) .Release.Namespace) .Values.global.valkey.host -}}
{{- end }}

{{- define "weir.valkeyUrl" -}}
{{ ternary "rediss" "redis" .Values.global.valkey.tls.enabled }}://{{ include "weir.valkeyHost" . }}:{{ .Values.global.valkey.port }}
{{- end }}

{{- define "weir.valkeyUsersSecret" -}}
{{- default (include "weir.fullname" (dict "root" . "component" "valkey-users")) .Values.global.valkey.usersSecret -}}
{{- end }}

{{/* How a process reaches Valkey, as the ACL user of its name. Takes root, user. */}}
{{- define "weir.valkeyEnv" -}}
{{- $tls := .root.Values.global.valkey.tls -}}
- name: WEIR_VALKEY_URL
  value: {{ include "weir.valkeyUrl" .root | quote }}
- name: WEIR_VALKEY_USERNAME
  value: {{ .user }}
- name: WEIR_VALKEY_PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ include "weir.valkeyUsersSecret" .root }}, key: {{ .user }} }
{{- if and $tls.enabled $tls.existingSecret }}
- name: WEIR_VALKEY_TLS_CA_FILE
  value: /etc/weir/valkey/ca.crt
{{- end }}
{{- if and $tls.enabled $tls.serverName }}
- name: WEIR_VALKEY_TLS_SERVERNAME
  value: {{ $tls.serverName | quote }}
{{- end }}
{{- end }}

{{/* The authority alone: the server's key, which may lie in the same Secret, is for the server. */}}
{{- define "weir.valkeyCaVolume" -}}
{{- $tls := .Values.global.valkey.tls -}}
{{- if and $tls.enabled $tls.existingSecret }}
- name: valkey-ca
  secret:
    secretName: {{ $tls.existingSecret }}
    items: [{ key: {{ $tls.caKey }}, path: ca.crt }]
{{- end }}
{{- end }}

{{- define "weir.valkeyCaMount" -}}
{{- $tls := .Values.global.valkey.tls -}}
{{- if and $tls.enabled $tls.existingSecret }}
- { name: valkey-ca, mountPath: /etc/weir/valkey, readOnly: true }
{{- end }}
{{- end }}

{{- define "weir.postgresSecret" -}}
{{- default (include "weir.fullname" (dict "root" . "component" "postgres")) .Values.global.postgres.existingSecret -}}
{{- end }}

{{- define "weir.postgresEnv" -}}
- name: WEIR_POSTGRES_URL
  valueFrom:
    secretKeyRef: { name: {{ include "weir.postgresSecret" . }}, key: {{ .Values.global.postgres.key }} }
{{- end }}

{{/* Telemetry, and the time to drain that is left of the grace period. Takes root, logLevel, drainSeconds. */}}
{{- define "weir.processEnv" -}}
- name: WEIR_NODE_NAME
  valueFrom:
    fieldRef: { fieldPath: metadata.name }
- name: WEIR_LOG_LEVEL
  value: {{ .logLevel }}
- name: WEIR_TRACE_SAMPLE_RATIO
  value: {{ .root.Values.global.telemetry.traceSampleRatio | quote }}
{{- with .root.Values.global.telemetry.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
- name: WEIR_STOP_DEADLINE_MS
  value: {{ mul .drainSeconds 1000 | quote }}
{{- end }}

{{/* Probes of a process of Weir: /livez and /readyz on the port `http`. */}}
{{- define "weir.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /livez, port: http }
  periodSeconds: 10
  # Patient: on a starved node every process is late, and restarting them all makes it worse.
  timeoutSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}

{{/* Egress rules of whoever uses names, Valkey and a collector. */}}
{{- define "weir.commonEgress" -}}
- ports:
    # 5353: where the DNS pods of some distributions listen behind their Service, as for feeds (desired-network-policy.ts).
    {{- range $port := list 53 5353 }}
    - { port: {{ $port }}, protocol: UDP }
    - { port: {{ $port }}, protocol: TCP }
    {{- end }}
- ports:
    - { port: {{ .Values.global.valkey.port }}, protocol: TCP }
{{- with .Values.global.telemetry.otlpEndpoint }}
- ports:
    - { port: {{ (urlParse .).host | regexFind ":[0-9]+$" | trimPrefix ":" | default (ternary "443" "80" (hasPrefix "https:" .)) }}, protocol: TCP }
{{- end }}
{{- end }}

{{/* The simulated exchanges: port, and the paths of socket and REST below it. Read with fromYaml. */}}
{{- define "weir.simulatedVenues" -}}
coinbase: { port: 9001, ws: /, rest: '' }
kraken: { port: 9002, ws: /v2, rest: '' }
gemini: { port: 9003, ws: /, rest: '' }
gateio: { port: 9004, ws: /ws/v4/, rest: /api/v4 }
bybit: { port: 9005, ws: /v5/public/spot, rest: '' }
okx: { port: 9006, ws: /ws/v5/public, rest: '' }
{{- end }}
