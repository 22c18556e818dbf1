//! The fields of an AdmissionReview that rollgate reads. The objects become trees of JSON without
//! `metadata.managedFields`, within a limit of memory.

use std::fmt;

use rollgate_model::json::{Builder, Value};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a text in a list takes beside its bytes, while the list grows.
const TEXT: usize = 96;

pub(super) struct Review {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) request: AdmissionRequest,
}

pub(super) struct AdmissionRequest {
    pub(super) uid: String,
    pub(super) kind: GroupKind,
    pub(super) resource: GroupResource,
    pub(super) sub_resource: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) operation: String,
    pub(super) user_info: UserInfo,
    pub(super) object: Option<Value>,
    pub(super) old_object: Option<Value>,
    pub(super) dry_run: bool,
}

#[derive(Deserialize)]
pub(super) struct GroupKind {
    #[serde(default)]
    pub(super) group: String,
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct GroupResource {
    #[serde(default)]
    pub(super) group: String,
    pub(super) resource: String,
}

#[derive(Default)]
pub(super) struct UserInfo {
    pub(super) username: String,
    pub(super) groups: Vec<String>,
}

impl Review {
    /// Parses a review; its values take memory of the builder.
    pub(super) fn parse(body: &[u8], builder: &mut Builder) -> serde_json::Result<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let review = ReviewSeed(builder).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(review)
    }
}

/// Reads a field that may be there once.
fn set<T, E: Error>(field: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

fn required<T, E: Error>(field: Option<T>, name: &'static str) -> Result<T, E> {
    field.ok_or_else(|| E::missing_field(name))
}

struct ReviewSeed<'b>(&'b mut Builder);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ReviewField {
    ApiVersion,
    Kind,
    Request,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for ReviewSeed<'_> {
    type Value = Review;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Review, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ReviewSeed<'_> {
    type Value = Review;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Review, A::Error> {
        let (mut api_version, mut kind, mut request) = (None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                ReviewField::ApiVersion => set(&mut api_version, "apiVersion", map.next_value()?)?,
                ReviewField::Kind => set(&mut kind, "kind", map.next_value()?)?,
                ReviewField::Request => {
                    let value = map.next_value_seed(RequestSeed(self.0))?;
                    set(&mut request, "request", value)?;
                }
                ReviewField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Review {
            api_version: required(api_version, "apiVersion")?,
            kind: required(kind, "kind")?,
            request: required(request, "request")?,
        })
    }
}

struct RequestSeed<'b>(&'b mut Builder);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum RequestField {
    Uid,
    Kind,
    Resource,
    SubResource,
    Namespace,
    Operation,
    UserInfo,
    Object,
    OldObject,
    DryRun,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for RequestSeed<'_> {
    type Value = AdmissionRequest;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<AdmissionRequest, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RequestSeed<'_> {
    type Value = AdmissionRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request of an AdmissionReview")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AdmissionRequest, A::Error> {
        use RequestField as Field;
        let builder = self.0;
        let (mut uid, mut kind, mut resource, mut operation) = (None, None, None, None);
        let (mut sub_resource, mut namespace, mut dry_run) = (None, None, None);
        let (mut user_info, mut object, mut old_object) = (None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Uid => set(&mut uid, "uid", map.next_value()?)?,
                Field::Kind => set(&mut kind, "kind", map.next_value()?)?,
                Field::Resource => set(&mut resource, "resource", map.next_value()?)?,
                Field::SubResource => set(&mut sub_resource, "subResource", map.next_value()?)?,
                Field::Namespace => set(&mut namespace, "namespace", map.next_value()?)?,
                Field::Operation => set(&mut operation, "operation", map.next_value()?)?,
                Field::DryRun => set(&mut dry_run, "dryRun", map.next_value()?)?,
                Field::UserInfo => {
                    let user = map.next_value_seed(UserInfoSeed(builder))?;
                    set(&mut user_info, "userInfo", user)?;
                }
                Field::Object => {
                    let tree = map.next_value_seed(builder.object())?;
                    set(&mut object, "object", tree)?;
                }
                Field::OldObject => {
                    let tree = map.next_value_seed(builder.object())?;
                    set(&mut old_object, "oldObject", tree)?;
                }
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let present = |tree: &Value| !tree.is_null();
        Ok(AdmissionRequest {
            uid: required(uid, "uid")?,
            kind: required(kind, "kind")?,
            resource: required(resource, "resource")?,
            sub_resource: sub_resource.flatten(),
            namespace: namespace.flatten(),
            operation: required(operation, "operation")?,
            user_info: user_info.unwrap_or_default(),
            object: object.filter(present),
            old_object: old_object.filter(present),
            dry_run: dry_run.flatten().unwrap_or_default(),
        })
    }
}

struct UserInfoSeed<'b>(&'b mut Builder);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum UserField {
    Username,
    Groups,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for UserInfoSeed<'_> {
    type Value = UserInfo;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<UserInfo, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for UserInfoSeed<'_> {
    type Value = UserInfo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the user of a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserInfo, A::Error> {
        let (mut username, mut groups) = (None, None);
        while let Some(field) = map.next_key()? {
            match field {
                UserField::Username => set(&mut username, "username", map.next_value()?)?,
                UserField::Groups => {
                    let texts = map.next_value_seed(TextsSeed(self.0))?;
                    set(&mut groups, "groups", texts)?;
                }
                UserField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(UserInfo {
            username: username.unwrap_or_default(),
            groups: groups.unwrap_or_default(),
        })
    }
}

/// A list of texts.
struct TextsSeed<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for TextsSeed<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for TextsSeed<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element::<String>()? {
            if !self.0.reserve(TEXT + text.len()) {
                return Err(A::Error::custom("too many groups"));
            }
            texts.push(text);
        }
        Ok(texts)
    }
}
