{{/* valkey.conf. A password is never in it: users come from the Secret. */}}
{{- define "valkey.conf" -}}
bind * -::*
{{- if .Values.global.valkey.tls.enabled }}
port 0
tls-port {{ .Values.global.valkey.port }}
tls-cert-file /etc/valkey/tls/tls.crt
tls-key-file /etc/valkey/tls/tls.key
tls-ca-cert-file /etc/valkey/tls/ca.crt
tls-auth-clients no
{{- else }}
port {{ .Values.global.valkey.port }}
{{- end }}
# Who may do what is in the users' file alone: the user `default` is off.
protected-mode no
aclfile /etc/valkey/users/users.acl
dir /data
loglevel {{ .Values.valkeyLogLevel }}
tcp-keepalive 60
# What Weir keeps must not be thrown away behind its back: at the limit writes fail, and processes say so.
maxmemory {{ .Values.maxmemory }}
maxmemory-policy noeviction
{{- if .Values.dataStorage.enabled }}
appendonly yes
appendfsync everysec
{{- else }}
appendonly no
save ""
{{- end }}
{{- with .Values.valkeyConfig }}
{{ . | trim }}
{{- end }}
{{- end }}

{{/*
Asks without logging in. "NOAUTH" is an answer too: the event loop turns. So no probe needs a password.
*/}}
{{- define "valkey.ping" -}}
exec:
  command:
    - valkey-cli
    - -p
    - {{ .Values.global.valkey.port | quote }}
    {{- if .Values.global.valkey.tls.enabled }}
    - --tls
    - --cacert
    - /etc/valkey/tls/ca.crt
    {{- end }}
    - ping
{{- end }}
