//! Classifies a change from the old object, the new object and the earlier revisions, before any
//! policy runs. All functions are pure: the host reads what they need and passes it in.
//!
//! The two objects alone decide most classes. What else is needed costs a request to the API server,
//! so a [`Classification`] names it, and the host reads it only where a policy could match:
//!
//! 1. the Pod template of an Argo Rollout with a `workloadRef` ([`NeedsTemplate`]),
//! 2. the earlier revisions, where the template or the traffic might go back ([`NeedsHistory`]).

mod argo;
mod digest;
mod history;
mod pending;
mod service;
mod template;
mod update;

use std::sync::Arc;

use crate::json::Value;

use crate::baseline::Baseline;
use crate::change::Change;
use crate::kind::Kind;
use crate::request::{Operation, Request, Requester};
use crate::revisions::{RevisionQuery, Revisions, Undo};
use crate::rollout::{ClassifiedRequest, Rollout};
use crate::shape::ShapeError;
use crate::tags::MutableTags;
use crate::template_ref::TemplateChange;
use crate::workload::Workload;
pub(crate) use digest::{TextDigest, images_digest, template_digest};
use history::History;
pub use template::template_text;
pub(crate) use template::{ARGO_HASH, images, is_same as is_same_template};

/// The state of a classification.
#[derive(Debug)]
pub enum Classification {
    /// The request is classified.
    Decided(ClassifiedRequest),
    /// An Argo Rollout takes its Pod template from another object (`spec.workloadRef`), which must
    /// be read first.
    NeedsTemplate(Box<NeedsTemplate>),
    /// The earlier revisions must be read first: they decide whether this is a rollback.
    NeedsHistory(Box<NeedsHistory>),
}

impl Request {
    /// Parses both objects, fills in the API's defaults, and classifies the change as far as the two
    /// objects alone decide it. `tags` are the image tags that may be moved to another image.
    ///
    /// # Errors
    /// When an object is missing, is no workload, or has a field of the wrong type.
    pub fn classify(self, tags: &MutableTags) -> Result<Classification, ShapeError> {
        self.check_objects()?;
        if let Some(why) = self.sub_resource.never_a_rollout(self.operation) {
            return Ok(Classification::Decided(ClassifiedRequest::NotARollout {
                why,
                relabelled: None,
            }));
        }
        let request = ParsedRequest::parse(self)?;
        let first = request.first_pass(tags);
        Ok(if request.needs_template(&first) {
            Classification::NeedsTemplate(Box::new(NeedsTemplate {
                request,
                tags: tags.clone(),
            }))
        } else {
            request.classification(first)
        })
    }

    /// Classifies the change by revisions that are known already. A Pod template in another object
    /// counts as unreadable.
    ///
    /// # Errors
    /// As [`classify`](Self::classify).
    pub fn classify_with(self, revisions: &Revisions) -> Result<ClassifiedRequest, ShapeError> {
        let no_templates = |_: &Workload| Err("nothing read it".to_owned());
        let classification = self.classify(&MutableTags::default())?;
        Ok(classification.resolve(no_templates, revisions))
    }
}

impl Classification {
    /// Completes the classification, where templates and revisions are known already.
    #[must_use]
    pub fn resolve(
        mut self,
        template: impl Fn(&Workload) -> Result<Value, String>,
        revisions: &Revisions,
    ) -> ClassifiedRequest {
        loop {
            self = match self {
                Self::Decided(classified) => return classified,
                Self::NeedsTemplate(needs) => needs.resolve(&template),
                Self::NeedsHistory(needs) => return needs.resolve(revisions),
            }
        }
    }
}

impl TemplateChange {
    /// Classifies what the change means for an Argo Rollout that takes its template from the changed
    /// object. `rollout` updates the Rollout, or replaces it with itself. `None` if the Rollout takes
    /// its template from another object, before or after.
    ///
    /// # Errors
    /// As [`Request::classify`].
    pub fn classify(
        &self,
        rollout: Request,
        tags: &MutableTags,
    ) -> Result<Option<Classification>, ShapeError> {
        let mut request = ParsedRequest::parse(rollout)?;
        let refers = |side: &Arc<Workload>| side.template_ref() == Some(self.object());
        let (Some(old), Some(new)) = (&request.old, &request.new) else {
            return Ok(None);
        };
        if !refers(old) || !refers(new) {
            return Ok(None);
        }
        let shown = |side: &Workload, template| Arc::new(side.with_referred_template(Ok(template)));
        let (old, new) = (self.old().map(|it| shown(old, it)), shown(new, self.new()));
        request.old = old.or(request.old);
        request.new = Some(new);
        request.cause = Some(format!(
            "it takes its Pod template from {}, which this request changes",
            self.object()
        ));
        let first = request.first_pass(tags);
        Ok(Some(request.classification(first)))
    }
}

/// A request about an Argo Rollout whose Pod template is in another object (`spec.workloadRef`).
#[derive(Debug)]
pub struct NeedsTemplate {
    request: ParsedRequest,
    tags: MutableTags,
}

impl NeedsTemplate {
    /// Returns the object as it is; `None` when it is created.
    #[must_use]
    pub const fn old(&self) -> Option<&Arc<Workload>> {
        self.request.old.as_ref()
    }

    /// Returns the object as it would become; `None` when it is deleted.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "the contract calls the new object `new`"
    )]
    pub const fn new(&self) -> Option<&Arc<Workload>> {
        self.request.new.as_ref()
    }

    /// Continues with the templates. `template` is called with each Rollout that has a `workloadRef`,
    /// and returns the template or the reason why it could not be read.
    ///
    /// A policy that asks for a template which could not be read fails. This concerns the new object
    /// only: an unreadable template of the old one is left out, and nothing is compared with it.
    #[must_use]
    pub fn resolve(self, template: impl Fn(&Workload) -> Result<Value, String>) -> Classification {
        let Self { mut request, tags } = self;
        let resolve = |side: &Workload| {
            let referring = side.template_ref().is_some();
            referring.then(|| Arc::new(side.with_referred_template(template(side))))
        };
        let old = request.old.as_deref().and_then(resolve);
        if let Some(old) = old.filter(|old| old.shows_template()) {
            request.old = Some(old);
        }
        if let Some(new) = request.new.as_deref().and_then(resolve) {
            request.new = Some(new);
        }
        let first = request.first_pass(&tags);
        request.classification(first)
    }
}

/// A change that is a rollback or not, depending on the earlier revisions.
#[derive(Debug)]
pub struct NeedsHistory {
    request: ParsedRequest,
    old: Arc<Workload>,
    new: Arc<Workload>,
    question: Question,
}

impl NeedsHistory {
    /// Returns which revisions to read.
    #[must_use]
    pub fn revision_query(&self) -> RevisionQuery {
        RevisionQuery::of(&self.old, &self.new)
    }

    /// Returns the two classes that the change may have.
    #[must_use]
    pub const fn classes(&self) -> [Change; 2] {
        let forward = match &self.question {
            Question::TemplateReplaced | Question::ImagePulledAgain { .. } => Change::RollForward,
            Question::RolloutContinued { change, .. } => *change,
            Question::TrafficSwitched => Change::Release,
        };
        [forward, Change::Rollback]
    }

    /// Returns the object as it is.
    #[must_use]
    pub const fn old(&self) -> &Arc<Workload> {
        &self.old
    }

    /// Returns the object as it would become.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "the contract calls the new object `new`"
    )]
    pub const fn new(&self) -> &Arc<Workload> {
        &self.new
    }

    /// Whether a list of revisions that may lack the newest ones, such as one from a cache, can be
    /// enough. It never is where the class depends on which revisions have Pods now.
    #[must_use]
    pub const fn accepts_stale_revisions(&self) -> bool {
        matches!(
            self.question,
            Question::TemplateReplaced | Question::ImagePulledAgain { .. }
        )
    }

    /// Whether these revisions, which may lack the newest ones, are enough.
    ///
    /// They are when one of them has the present template: each one that is missing was created after
    /// it, so going to it is no rollback. The baseline is then that of a moment ago, when the same
    /// request would have been classified the same.
    #[must_use]
    pub fn is_resolved_by_stale(&self, revisions: &Revisions) -> bool {
        let history = History::new(revisions, &self.old);
        self.accepts_stale_revisions() && history.has_present_template()
    }

    /// Classifies the change.
    #[must_use]
    pub fn resolve(self, revisions: &Revisions) -> ClassifiedRequest {
        let Self {
            request,
            old,
            new,
            question,
        } = self;
        let history = History::new(revisions, &old);
        let baseline = match question {
            // A switch of a Service changes no template.
            Question::TrafficSwitched => Baseline::old_object(),
            _ => history.baseline(),
        };
        let class = match question {
            Question::TrafficSwitched => service::resolve(&old, &new, revisions),
            Question::TemplateReplaced => update::template_replaced(&history, &new),
            Question::RolloutContinued { change, note } => {
                update::rollout_continued(&history, &new, change, note)
            }
            // There is no other template to go back from; the revisions give the baseline only.
            Question::ImagePulledAgain { note } => {
                Class::without_undo(Change::RollForward, Some(note))
            }
        };
        request.classified(class).with_baseline(baseline)
    }
}

/// A request with both objects parsed.
#[derive(Debug)]
struct ParsedRequest {
    operation: Operation,
    requester: Requester,
    user: String,
    groups: Vec<String>,
    dry_run: bool,
    old: Option<Arc<Workload>>,
    new: Option<Arc<Workload>>,
    /// Why the object is evaluated, where the request changes another one.
    cause: Option<String>,
}

/// What the two objects alone decide.
enum FirstPass {
    Decided(Class),
    NeedsHistory(Question),
}

/// The class of a change, and how it was determined.
enum Class {
    Rollout {
        change: Change,
        /// How the class was determined, in a sentence, where that is not obvious.
        note: Option<String>,
        undo: Undo,
    },
    /// Anything else, such as a change of metadata or status.
    NotARollout { why: &'static str },
}

/// What the earlier revisions decide.
#[derive(Clone, Debug)]
enum Question {
    /// Whether the new template is an earlier one.
    TemplateReplaced,
    /// Whether the template of a rollout that continues is older than one that has Pods.
    RolloutContinued {
        /// The class, if it is not.
        change: Change,
        note: Option<String>,
    },
    /// Nothing but the baseline: a restart that may pull another image is a roll-forward.
    ImagePulledAgain { note: String },
    /// Whether traffic goes to older Pods.
    TrafficSwitched,
}

impl Class {
    /// A rollout that replaces no template, so that there is nothing to undo.
    const fn without_undo(change: Change, note: Option<String>) -> Self {
        Self::Rollout {
            change,
            note,
            undo: Undo::NotPossible,
        }
    }
}

impl ParsedRequest {
    fn parse(request: Request) -> Result<Self, ShapeError> {
        let Request {
            operation,
            sub_resource,
            namespace,
            user,
            groups,
            requester,
            dry_run,
            object,
            old_object,
        } = request;
        let parse = |tree: Option<Value>| {
            tree.map(|tree| sub_resource.parse(tree, namespace.as_deref()).map(Arc::new))
                .transpose()
        };
        let (new, old) = (parse(object)?, parse(old_object)?);
        if let (Operation::Update, Some(old), Some(new)) = (operation, &old, &new) {
            check_same_kind(old, new)?;
        }
        Ok(Self {
            operation,
            requester,
            user,
            groups,
            dry_run,
            old,
            new,
            cause: None,
        })
    }

    /// Classifies the change as far as the two objects decide it.
    ///
    /// Classes are tried in the order of [`Change`]. The template comes first: a request that changes
    /// it and something else is classified by the template. Only a restart yields: where the same
    /// request lets a pending template roll out, it is a `resume` or a `release`. Else
    /// `restartedAt` would be a way around the policies that block that template.
    fn first_pass(&self, tags: &MutableTags) -> FirstPass {
        FirstPass::Decided(
            match (self.operation, self.old.as_deref(), self.new.as_deref()) {
                (Operation::Update, Some(old), Some(new)) => {
                    return match new.kind() {
                        Kind::Service => service::updated(self.requester, old, new),
                        _ => update::updated(self.requester, old, new, tags),
                    };
                }
                (Operation::Create, _, Some(new)) => match new.kind() {
                    Kind::Service => service::created(self.requester),
                    _ => Class::without_undo(Change::Create, None),
                },
                (Operation::Delete, Some(old), _) => match old.kind() {
                    Kind::Service => Class::NotARollout {
                        why: "deleting a Service moves no traffic to other Pods",
                    },
                    _ => Class::without_undo(Change::Delete, None),
                },
                _ => unreachable!("`check_objects` and `never_a_rollout` came first"),
            },
        )
    }

    /// Whether policies would be shown a Pod template that is in another object. Where the Rollout
    /// is deleted, that object may be gone already.
    fn needs_template(&self, first: &FirstPass) -> bool {
        let mut sides = self.old.iter().chain(&self.new);
        let no_policy_runs =
            matches!(first, FirstPass::Decided(Class::NotARollout { .. })) && !self.is_relabelled();
        self.new.is_some() && !no_policy_runs && sides.any(|side| side.template_ref().is_some())
    }

    fn is_relabelled(&self) -> bool {
        let sides = self.old.as_deref().zip(self.new.as_deref());
        sides.is_some_and(|(old, new)| old.labels() != new.labels())
    }

    fn classification(self, first: FirstPass) -> Classification {
        match (first, &self.old, &self.new) {
            (FirstPass::Decided(class), ..) => Classification::Decided(self.classified(class)),
            (FirstPass::NeedsHistory(question), Some(old), Some(new)) => {
                Classification::NeedsHistory(Box::new(NeedsHistory {
                    old: Arc::clone(old),
                    new: Arc::clone(new),
                    request: self,
                    question,
                }))
            }
            (FirstPass::NeedsHistory(_), ..) => unreachable!("only an update needs the history"),
        }
    }

    fn classified(self, class: Class) -> ClassifiedRequest {
        match class {
            Class::Rollout { change, note, undo } => {
                ClassifiedRequest::Rollout(Box::new(self.rollout(Some(change), note, undo)))
            }
            Class::NotARollout { why } => ClassifiedRequest::NotARollout {
                why,
                relabelled: self
                    .is_relabelled()
                    .then(|| Box::new(self.rollout(None, None, Undo::NotPossible))),
            },
        }
    }

    fn rollout(self, class: Option<Change>, note: Option<String>, undo: Undo) -> Rollout {
        let notes: Vec<String> = self.cause.into_iter().chain(note).collect();
        let change_note = (!notes.is_empty()).then(|| notes.join("; "));
        Rollout {
            class,
            change_note,
            undo,
            operation: self.operation,
            user: self.user,
            groups: self.groups,
            dry_run: self.dry_run,
            new: self.new,
            old: self.old,
            baseline: match class {
                Some(_) => Baseline::old_object(),
                None => Baseline::nothing(),
            },
        }
    }
}

fn check_same_kind(old: &Workload, new: &Workload) -> Result<(), ShapeError> {
    if old.kind() == new.kind() {
        return Ok(());
    }
    Err(ShapeError::Wrong {
        pointer: "/kind".to_owned(),
        expected: format!("{}, the kind of the old object", old.kind()),
        found: new.kind().to_string(),
    })
}
