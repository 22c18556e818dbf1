//! Lists of the API server, page by page. The objects of a page are parsed one by one, so that never more
//! than one of them is in memory beside the text of the page.

use std::fmt;
use std::marker::PhantomData;

use kube::Client;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::request::{RequestError, send};

/// The objects of a page: first so many, and if these are too large, fewer.
const PAGE: u32 = 100;
const FEWER: u32 = 10;

/// A list, read page by page.
pub(super) struct Pages<'a> {
    client: &'a Client,
    list: kube::core::Request,
    params: ListParams,
    ended: bool,
}

impl<'a> Pages<'a> {
    /// Lists the objects under a path that a label selector selects; empty selects all.
    pub(super) fn new(client: &'a Client, path: String, selector: &str) -> Self {
        let params = ListParams::default().limit(PAGE);
        Self::with(client, path, selector, params)
    }

    /// Lists them as they are in the API server's cache, in one page. Otherwise the API server first waits
    /// up to 100 ms until its cache has caught up with etcd, even if only objects of other kinds were
    /// written (KEP-2340).
    pub(super) fn cached(client: &'a Client, path: String, selector: &str) -> Self {
        let params = ListParams::default().match_any();
        Self::with(client, path, selector, params)
    }

    fn with(client: &'a Client, path: String, selector: &str, params: ListParams) -> Self {
        let params = match selector {
            "" => params,
            labels => params.labels(labels),
        };
        Self {
            client,
            list: kube::core::Request::new(path),
            params,
            ended: false,
        }
    }

    /// Reads the next page, and calls `keep` with each object. Returns whether there was a page.
    pub(super) async fn next<T: DeserializeOwned>(
        &mut self,
        mut keep: impl FnMut(T),
    ) -> Result<bool, RequestError> {
        if self.ended {
            return Ok(false);
        }
        let response = loop {
            let request = self.list.list(&self.params);
            let request = request.map_err(|error| RequestError::Malformed(error.to_string()))?;
            match send(self.client, request).await {
                Err(RequestError::TooLarge) if self.take_smaller_pages() => {}
                response => break response?,
            }
        };
        let next = page(&response.bytes, &mut keep)
            .map_err(|error| RequestError::Malformed(error.to_string()))?;
        self.ended = next.is_none();
        self.params.continue_token = next;
        Ok(true)
    }

    /// Makes pages smaller. Returns whether that was possible.
    fn take_smaller_pages(&mut self) -> bool {
        let smaller = match self.params.limit {
            Some(1) => return false,
            Some(FEWER) => 1,
            Some(_) | None => FEWER,
        };
        self.params.limit = Some(smaller);
        // A list from the cache ignores the limit.
        self.params.version_match = None;
        self.params.resource_version = None;
        true
    }
}

/// Parses a page, and returns the token of the next one.
fn page<T: DeserializeOwned>(
    text: &[u8],
    keep: &mut impl FnMut(T),
) -> serde_json::Result<Option<String>> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let items = Items {
        keep,
        item: PhantomData,
    };
    let next = PageSeed(items).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(next.filter(|token| !token.is_empty()))
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Metadata,
    Items,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

struct PageSeed<'k, F, T>(Items<'k, F, T>);

impl<'de, F: FnMut(T), T: DeserializeOwned> DeserializeSeed<'de> for PageSeed<'_, F, T> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, page: D) -> Result<Self::Value, D::Error> {
        page.deserialize_map(self)
    }
}

impl<'de, F: FnMut(T), T: DeserializeOwned> Visitor<'de> for PageSeed<'_, F, T> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of the API server")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut metadata: Option<Metadata> = None;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Metadata => metadata = Some(map.next_value()?),
                Field::Items => map.next_value_seed(&mut self.0)?,
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let metadata = metadata.ok_or_else(|| serde::de::Error::missing_field("metadata"))?;
        Ok(metadata.next)
    }
}

/// The objects of a page. A list without objects may come as `null` from an aggregated API.
struct Items<'k, F, T> {
    keep: &'k mut F,
    item: PhantomData<T>,
}

impl<'de, F: FnMut(T), T: DeserializeOwned> DeserializeSeed<'de> for &mut Items<'_, F, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, items: D) -> Result<(), D::Error> {
        items.deserialize_any(self)
    }
}

impl<'de, F: FnMut(T), T: DeserializeOwned> Visitor<'de> for &mut Items<'_, F, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            (self.keep)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn read(page: &Value) -> Result<(Vec<String>, Option<String>), String> {
        let mut seen = Vec::new();
        let mut keep = |item: String| seen.push(item);
        let next = super::page(page.to_string().as_bytes(), &mut keep);
        next.map(|next| (seen, next))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn page_has_its_objects_in_order_and_the_token_of_the_next() {
        let page = json!({"kind": "List", "items": ["a", "b"], "metadata": {"continue": "t"}});
        let expected = (vec!["a".to_owned(), "b".to_owned()], Some("t".to_owned()));
        assert_eq!(read(&page), Ok(expected));
    }

    #[test]
    fn last_page_has_no_token() {
        for metadata in [
            json!({}),
            json!({"continue": null}),
            json!({"continue": ""}),
        ] {
            for items in [json!(null), json!([])] {
                let page = json!({"metadata": metadata, "items": items});
                assert_eq!(read(&page), Ok((Vec::new(), None)), "{page}");
            }
        }
        assert_eq!(read(&json!({"metadata": {}})), Ok((Vec::new(), None)));
    }

    #[test]
    fn anything_else_is_an_error() {
        for page in [
            json!([]),
            json!({"items": []}),
            json!({"metadata": {}, "items": "a"}),
        ] {
            assert!(read(&page).is_err(), "{page}");
        }
    }
}
