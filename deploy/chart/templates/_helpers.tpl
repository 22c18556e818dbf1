{{/* The name of the installation. Two names end in -metrics or -break-glass; a Service's has up to 63 characters. */}}
{{- define "rollgate.name" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $name = ternary .Release.Name (printf "%s-rollgate" .Release.Name) (contains "rollgate" .Release.Name) | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- fail (printf "the name %q is not a valid name of a Service: it must begin with a letter and contain only lowercase letters, digits and -; set fullnameOverride" $name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* The labels that select the objects of this release. They cannot change. */}}
{{- define "rollgate.selector" -}}
app.kubernetes.io/name: rollgate
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rollgate.labels" -}}
{{ include "rollgate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "rollgate.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The name of the revision guard. It contains a digest of the spec: if the users change, it is a new policy, which rollgate tests before it refuses anything. */}}
{{- define "rollgate.guard" -}}
{{ include "rollgate.name" . }}-revisions-{{ include "rollgate.guard.spec" . | sha256sum | trunc 10 }}
{{- end -}}

{{/* A CEL condition: the ReplicaSet belongs to a workload, by its labels or its controller. `.` is object or oldObject. */}}
{{- define "rollgate.guard.covers" -}}
{{ . }} != null &&
(['pod-template-hash', 'rollouts-pod-template-hash'].exists(k, k in {{ . }}.metadata.?labels.orValue({})) ||
{{ . }}.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false) &&
(o.kind == 'Deployment' && o.apiVersion.startsWith('apps/') || o.kind == 'Rollout' && o.apiVersion.startsWith('argoproj.io/'))))
{{- end -}}

{{- define "rollgate.guard.spec" -}}
{{- $controllers := concat .Values.revisionGuard.controllers .Values.webhook.argoControllers .Values.revisionGuard.restorers.users -}}
failurePolicy: Fail
matchConstraints:
  # Repairs of the cluster in kube-system never depend on this policy.
  namespaceSelector:
    matchExpressions:
      - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}
  # A write of the status can change labels and owners too.
  resourceRules:
    - apiGroups: [apps]
      apiVersions: [v1]
      resources: [replicasets, replicasets/status]
      operations: [CREATE, UPDATE]
matchConditions:
  - name: not-by-a-controller
    expression: >-
      !(request.userInfo.username in {{ $controllers | toJson }})
  {{- with .Values.revisionGuard.restorers.groups }}
  - name: not-by-a-restorer
    expression: >-
      !request.userInfo.?groups.orValue([]).exists(g, g in {{ . | toJson }})
  {{- end }}
  - name: a-revision
    expression: >-
      {{- include "rollgate.guard.covers" "object" | nindent 6 }} ||
      {{- include "rollgate.guard.covers" "oldObject" | nindent 6 }}
variables:
  - name: revision
    expression: >-
      "ReplicaSet " + object.metadata.?namespace.orValue(request.namespace) + "/" +
      object.metadata.?name.orValue(object.metadata.?generateName.orValue(""))
  - name: hint
    expression: >-
      " is one, and the user " + request.userInfo.username + " is no controller that rollgate knows."
      + " To allow a controller, add it to the chart's value revisionGuard.controllers;"
      + " to allow the restoration of a backup, add the user to revisionGuard.restorers.users"
validations:
  {{- $unchanged := list
    (dict "what" "only controllers create revisions of workloads" "expression" "oldObject != null")
    (dict "what" "the template of a revision stays as it is" "expression" "oldObject == null || object.spec.?template == oldObject.spec.?template")
    (dict "what" "only controllers change the hash by which a revision is known" "expression" "oldObject == null || ['pod-template-hash', 'rollouts-pod-template-hash'].all(k, object.metadata.?labels[?k] == oldObject.metadata.?labels[?k])")
    (dict "what" "only controllers change the owners of a revision" "expression" "oldObject == null || object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([])")
    (dict "what" "only controllers number revisions" "expression" "oldObject == null || ['deployment.kubernetes.io/revision', 'deployment.kubernetes.io/revision-history', 'rollout.argoproj.io/revision', 'rollout.argoproj.io/revision-history'].all(k, object.metadata.?annotations[?k] == oldObject.metadata.?annotations[?k])")
  }}
  {{- range $unchanged }}
  - expression: >-
      {{ .expression }}
    reason: Forbidden
    message: {{ .what }}
    messageExpression: >-
      "{{ .what }}: " + variables.revision + variables.hint
  {{- end }}
{{- end -}}
