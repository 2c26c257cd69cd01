{{- define "operator.serviceAccount" -}}
{{- default (include "weir.fullname" (dict "root" . "component" "operator")) .Values.serviceAccount.name -}}
{{- end }}

{{/* A name that no other release in the cluster has. */}}
{{- define "operator.clusterName" -}}
{{ .Release.Namespace }}:{{ include "weir.fullname" (dict "root" . "component" "operator") }}
{{- end }}

{{/* Its rights in the namespaces that it looks after. Secrets are read one by one: it never lists or watches them. */}}
{{- define "operator.rules" -}}
- apiGroups: [weir.dev]
  resources: [pricefeeds, apikeypolicies]
  verbs: [get, list, watch, patch, update]
- apiGroups: [weir.dev]
  resources: [pricefeeds/status, apikeypolicies/status]
  verbs: [patch]
- apiGroups: [weir.dev]
  resources: [pricefeeds/finalizers, apikeypolicies/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [serviceaccounts, configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [secrets]
  verbs: [get, create, patch, update, delete]
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{- define "operator.venueAddresses" -}}
{{- $addresses := list -}}
{{- $given := .Values.feeds.venueAddresses -}}
{{- if .Values.global.simulatedVenues.enabled -}}
{{- $host := printf "%s.%s.svc" (include "weir.fullname" (dict "root" . "component" "exchanges")) .Release.Namespace -}}
{{- $simulated := dict -}}
{{- range $venue, $at := include "weir.simulatedVenues" . | fromYaml -}}
{{- $authority := printf "%s:%d" $host (int $at.port) -}}
{{- $_ := set $simulated $venue (printf "ws://%s%s|http://%s%s" $authority $at.ws $authority $at.rest) -}}
{{- end -}}
{{- $given = merge (dict) $given $simulated -}}
{{- end -}}
{{- range $venue, $address := $given -}}
{{- $addresses = append $addresses (printf "%s=%s" $venue $address) -}}
{{- end -}}
{{- join "," $addresses -}}
{{- end }}

{{- define "operator.pullSecretNames" -}}
{{- $names := list -}}
{{- range . }}{{ $names = append $names .name }}{{ end -}}
{{- join "," $names -}}
{{- end }}

{{- define "operator.env" -}}
- name: WEIR_OPERATOR_NAMESPACE
  valueFrom:
    fieldRef: { fieldPath: metadata.namespace }
{{- with .Values.watchNamespaces }}
- name: WEIR_WATCH_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.trustedNamespaces }}
- name: WEIR_TRUSTED_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
- name: WEIR_KEY_MODE
  value: {{ .Values.keyMode }}
- name: WEIR_FEED_IMAGE
  value: {{ include "weir.image" (dict "root" . "image" .Values.global.image) | quote }}
- name: WEIR_FEED_IMAGE_PULL_POLICY
  value: {{ .Values.global.image.pullPolicy }}
{{- with .Values.global.imagePullSecrets }}
- name: WEIR_FEED_IMAGE_PULL_SECRETS
  value: {{ include "operator.pullSecretNames" . | quote }}
{{- end }}
- name: WEIR_FEED_VALKEY_URL
  value: {{ include "weir.valkeyUrl" . | quote }}
- name: WEIR_FEED_VALKEY_USERNAME
  value: feed
- name: WEIR_FEED_VALKEY_PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ include "weir.valkeyUsersSecret" . }}, key: feed }
- name: WEIR_FEED_NETWORK_POLICY
  value: {{ .Values.feeds.networkPolicy | quote }}
{{- with .Values.global.telemetry.otlpEndpoint }}
- name: WEIR_FEED_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with include "operator.venueAddresses" . }}
- name: WEIR_VENUE_ADDRESSES
  value: {{ . | quote }}
{{- end }}
{{ include "weir.valkeyEnv" (dict "root" . "user" "operator") }}
{{ include "weir.postgresEnv" . }}
{{ include "weir.processEnv" (dict "root" . "logLevel" .Values.logLevel "drainSeconds" (sub .Values.terminationGracePeriodSeconds 5)) }}
{{- end }}
