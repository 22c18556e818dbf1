use serde_json::json;

use super::*;
use crate::sources::Scope;

const BUDGETS: KindRef<'_> = KindRef {
    api_version: "policy/v1",
    kind: "PodDisruptionBudget",
};

fn budget(api_version: &str, namespace: Option<&str>, name: &str) -> ManifestObject {
    let tree = json!({
        "apiVersion": api_version,
        "kind": "PodDisruptionBudget",
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": name } },
    });
    ManifestObject::of(&tree).expect("an object")
}

fn list(
    objects: &Objects,
    scope: Scope<'_>,
    label_selector: &str,
) -> Result<Vec<String>, ClusterErrorCode> {
    let query = ListQuery {
        kind: BUDGETS,
        scope,
        label_selector,
    };
    let found = objects.select(query, Reading::Recent);
    let found = found.map_err(|error| error.code)?;
    let place = |text: &Arc<str>| {
        let tree: Value = serde_json::from_str(text).expect("JSON");
        let word = |field| tree["metadata"][field].as_str().unwrap_or_default();
        format!("{}/{}", word("namespace"), word("name"))
    };
    Ok(found.iter().map(place).collect())
}

#[test]
fn kind_without_any_object_is_not_seen_and_never_an_empty_list() {
    let objects = Objects::new(vec![], vec![], None);
    let found = list(&objects, Scope::Namespace("shop"), "");
    assert_eq!(found, Err(ClusterErrorCode::NotSeen));
    let kinds: Vec<_> = objects.not_seen().into_iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["PodDisruptionBudget"]);
}

#[test]
fn kind_with_an_object_in_another_namespace_has_none_in_this_one() {
    let objects = Objects::new(vec![], vec![budget("policy/v1", Some("bank"), "a")], None);
    assert_eq!(list(&objects, Scope::Namespace("shop"), ""), Ok(vec![]));
    assert_eq!(objects.not_seen(), []);
}

#[test]
fn objects_are_listed_by_namespace_and_labels_in_order() {
    let after = vec![
        budget("policy/v1", Some("shop"), "b"),
        budget("policy/v1", Some("shop"), "a"),
        budget("policy/v1", Some("bank"), "c"),
    ];
    let objects = Objects::new(vec![], after, None);
    let all = ["bank/c", "shop/a", "shop/b"].map(str::to_owned);
    assert_eq!(
        list(&objects, Scope::AllNamespaces, "").as_deref(),
        Ok(&all[..])
    );
    let shop = list(&objects, Scope::Namespace("shop"), "app!=a");
    assert_eq!(shop, Ok(vec!["shop/b".to_owned()]));
    let bad = list(&objects, Scope::Namespace("shop"), "app in");
    assert_eq!(bad, Err(ClusterErrorCode::Invalid));
}

#[test]
fn object_of_another_version_of_the_kind_is_found() {
    let after = vec![budget("policy/v1beta1", Some("shop"), "a")];
    let objects = Objects::new(vec![], after, None);
    let found = list(&objects, Scope::Namespace("shop"), "");
    assert_eq!(found, Ok(vec!["shop/a".to_owned()]));
}

#[test]
fn manifest_without_a_namespace_is_in_that_of_the_argument() {
    let objects = Objects::new(vec![], vec![budget("policy/v1", None, "a")], Some("shop"));
    let found = list(&objects, Scope::Namespace("shop"), "");
    assert_eq!(found, Ok(vec!["shop/a".to_owned()]));
}

#[test]
fn cluster_scoped_object_keeps_no_namespace() {
    let class = json!({
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": { "name": "high" },
    });
    let class = ManifestObject::of(&class).expect("an object");
    let objects = Objects::new(vec![], vec![class], Some("shop"));
    let get = |name| {
        let object = ObjectRef {
            kind: KindRef {
                api_version: "scheduling.k8s.io/v1",
                kind: "PriorityClass",
            },
            namespace: None,
            name,
        };
        objects.find(object, Reading::Recent)
    };
    assert!(get("high").is_ok_and(|text| !text.contains("shop")));
    let other = get("low").expect_err("it is not among the manifests");
    assert_eq!(
        other.code,
        ClusterErrorCode::NotSeen,
        "the cluster may have it"
    );
}

#[test]
fn object_after_the_change_replaces_the_one_before_and_others_stay() {
    let before = vec![
        budget("policy/v1", Some("shop"), "a"),
        budget("policy/v1", Some("shop"), "b"),
    ];
    let mut changed = budget("policy/v1", Some("shop"), "a");
    changed.text = r#"{"metadata":{"name":"changed","namespace":"shop"}}"#.into();
    let objects = Objects::new(before, vec![changed], None);
    let found = list(&objects, Scope::Namespace("shop"), "");
    let both = ["shop/changed", "shop/b"].map(str::to_owned);
    assert_eq!(found.as_deref(), Ok(&both[..]));
}

#[test]
fn present_state_is_not_seen_in_manifests() {
    let after = vec![budget("policy/v1", Some("shop"), "a")];
    let objects = Objects::new(vec![], after, None);
    let query = ListQuery {
        kind: BUDGETS,
        scope: Scope::Namespace("shop"),
        label_selector: "",
    };
    let error = objects.select(query, Reading::Fresh).expect_err("no state");
    assert_eq!(error.code, ClusterErrorCode::NotSeen);
}

#[test]
fn secrets_and_nameless_objects_are_not_kept() {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" } });
    let nameless =
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "generateName": "a" } });
    assert!(ManifestObject::of(&secret).is_none());
    assert!(ManifestObject::of(&nameless).is_none());
}
