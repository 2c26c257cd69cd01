{{/* Everything that is wrong with the values taken together, all at once, each with its fix. */}}
{{- define "preflight" -}}
{{- $faults := list -}}
{{- $clients := or .Values.operator.enabled .Values.services.enabled -}}
{{- $postgres := .Values.global.postgres.existingSecret -}}
{{- if and $postgres .Values.postgres.trial.enabled -}}
{{- $faults = append $faults "two Postgres servers are chosen: set either postgres.trial.enabled=true or global.postgres.existingSecret" -}}
{{- end -}}
{{- if and $clients (not $postgres) (not .Values.postgres.trial.enabled) -}}
{{- $faults = append $faults "no Postgres is chosen: set global.postgres.existingSecret to a Secret whose key `url` holds postgres://user:password@host:5432/database, or, to try Weir, postgres.trial.enabled=true" -}}
{{- end -}}
{{- if and $clients (not .Values.valkey.enabled) -}}
{{- if not .Values.global.valkey.host -}}
{{- $faults = append $faults "no Valkey is chosen: set global.valkey.host, or valkey.enabled=true" -}}
{{- end -}}
{{- if not .Values.global.valkey.usersSecret -}}
{{- $faults = append $faults "a Valkey of your own needs global.valkey.usersSecret: a Secret with a password under each of the keys operator, feed and price" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.global.simulatedVenues.enabled (not .Values.services.enabled) -}}
{{- $faults = append $faults "global.simulatedVenues.enabled needs services.enabled=true: the exchanges are one of the services" -}}
{{- end -}}
{{- if $faults -}}
{{- fail (printf "\n\n  %s\n" (join "\n  " $faults)) -}}
{{- end -}}
{{- end }}
