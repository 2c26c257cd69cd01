{{/* What is left for requests under way once the balancers have had their time; 5 s are for leaving. */}}
{{- define "price.drainSeconds" -}}
{{- $left := sub .Values.price.terminationGracePeriodSeconds (add .Values.price.preStopSleepSeconds 5) -}}
{{- if lt (int $left) 1 -}}
{{- fail (printf "price.terminationGracePeriodSeconds (%v) must exceed price.preStopSleepSeconds (%v) by more than 5" .Values.price.terminationGracePeriodSeconds .Values.price.preStopSleepSeconds) -}}
{{- end -}}
{{- $left -}}
{{- end }}

{{- define "price.env" -}}
{{ include "weir.valkeyEnv" (dict "root" . "user" "price") }}
{{ include "weir.postgresEnv" . }}
{{ include "weir.processEnv" (dict "root" . "logLevel" .Values.price.logLevel "drainSeconds" (include "price.drainSeconds" . | int)) }}
{{- with .Values.price.udp }}
{{- if .enabled }}
- name: WEIR_UDP_SECRET
  valueFrom:
    secretKeyRef: { name: {{ default (include "weir.fullname" (dict "root" $ "component" "price-udp")) .existingSecret }}, key: secret }
{{- end }}
{{- end }}
{{- end }}

{{/* What a Service says of its exposure. Takes one of price.service, price.udp. */}}
{{- define "price.exposure" -}}
type: {{ .type }}
{{- if ne .type "ClusterIP" }}
externalTrafficPolicy: {{ .externalTrafficPolicy }}
{{- end }}
{{- if eq .type "LoadBalancer" }}
{{- with .loadBalancerClass }}
loadBalancerClass: {{ . }}
{{- end }}
{{- with .loadBalancerSourceRanges }}
loadBalancerSourceRanges: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
