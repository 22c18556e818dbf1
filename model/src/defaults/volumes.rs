//! Fills the defaults of volumes and volume claims.

use super::rows::{self, TypeDefaults, apply};
use super::{Object, child, children, opened, quantity, resources};

/// Volume sources that have defaults of their own, with none in nested fields.
const SOURCES: [(&str, &TypeDefaults); 10] = [
    ("secret", &rows::volumes::VOLUME_WITH_FILES),
    ("configMap", &rows::volumes::VOLUME_WITH_FILES),
    ("downwardAPI", &rows::volumes::VOLUME_WITH_FILES),
    ("projected", &rows::volumes::VOLUME_WITH_FILES),
    ("hostPath", &rows::volumes::HOST_PATH),
    ("image", &rows::volumes::IMAGE_VOLUME),
    ("iscsi", &rows::volumes::ISCSI),
    ("rbd", &rows::volumes::RBD),
    ("azureDisk", &rows::volumes::AZURE_DISK),
    ("scaleIO", &rows::volumes::SCALE_IO),
];

pub(super) fn fill(volume: &mut Object) {
    apply(&rows::volumes::VOLUME, volume);
    for (source, shape) in SOURCES {
        if let Some(source) = child(volume, source) {
            apply(shape, source);
        }
    }
    if let Some(limit) = child(volume, "emptyDir").and_then(|volume| volume.get_mut("sizeLimit")) {
        quantity::canonicalize_one(limit);
    }
    if let Some(downward) = child(volume, "downwardAPI") {
        downward_items(downward);
    }
    if let Some(projected) = child(volume, "projected") {
        children(projected, "sources").for_each(projection);
    }
    let ephemeral =
        child(volume, "ephemeral").and_then(|ephemeral| child(ephemeral, "volumeClaimTemplate"));
    if let Some(claim) = ephemeral {
        apply(&rows::volumes::CLAIM_TEMPLATE, claim);
        if let Some(spec) = opened(claim, "spec") {
            claim_spec(spec);
        }
    }
}

/// Fills a claim of a StatefulSet's `volumeClaimTemplates`.
pub(super) fn fill_claim(claim: &mut Object) {
    apply(&rows::volumes::CLAIM, claim);
    if let Some(spec) = opened(claim, "spec") {
        claim_spec(spec);
    }
    if let Some(status) = opened(claim, "status") {
        apply(&rows::volumes::CLAIM_STATUS, status);
    }
}

/// Canonicalizes a divisor, a quantity that the API server writes even when it is not set.
pub(super) fn divisor(resource_field: &mut Object) {
    apply(&rows::pods::RESOURCE_FIELD_REF, resource_field);
    if let Some(divisor) = resource_field.get_mut("divisor") {
        quantity::canonicalize_one(divisor);
    }
}

fn claim_spec(spec: &mut Object) {
    apply(&rows::volumes::CLAIM_SPEC, spec);
    resources(spec);
}

fn projection(source: &mut Object) {
    if let Some(downward) = child(source, "downwardAPI") {
        downward_items(downward);
    }
    if let Some(token) = child(source, "serviceAccountToken") {
        apply(&rows::volumes::TOKEN_PROJECTION, token);
    }
}

fn downward_items(downward: &mut Object) {
    for item in children(downward, "items") {
        if let Some(field) = child(item, "fieldRef") {
            apply(&rows::pods::FIELD_REF, field);
        }
        if let Some(resource) = child(item, "resourceFieldRef") {
            divisor(resource);
        }
    }
}
