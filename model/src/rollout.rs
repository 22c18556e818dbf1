//! One admission request, read and classified: what every policy of a review is shown.

use std::sync::Arc;

use serde_json::Value;

use crate::baseline::Baseline;
use crate::change::Change;
use crate::classify::{Classified, FirstSight, Open, first_sight, settle};
use crate::request::{Asker, Operation, Request};
use crate::revisions::{Revisions, Undo, Wanted};
use crate::shape::ShapeError;
use crate::tags::MutableTags;
use crate::workload::Workload;

/// What a request was found to be.
#[derive(Clone, Debug)]
pub enum Reviewed {
    /// A rollout, for the policies that match it.
    Rollout(Box<Rollout>),
    /// Anything else: it may go at once, and no policy runs.
    NotARollout {
        /// Why, in a sentence.
        why: &'static str,
        /// The update, where it changes the labels of the object: a policy that matches by labels
        /// judges it when it takes the workload out of its match.
        relabelled: Option<Box<Rollout>>,
    },
}

/// One admission request that would start new Pods from a template, move traffic to them, or
/// change how many there are.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// `None` where it is no rollout by itself, or is shown to a policy that it leaves.
    class: Option<Change>,
    change_note: Option<String>,
    undo: Undo,
    operation: Operation,
    user: String,
    groups: Vec<String>,
    dry_run: bool,
    new: Option<Arc<Workload>>,
    old: Option<Arc<Workload>>,
    baseline: Baseline,
}

impl Reviewed {
    /// The same, with existing findings held against another baseline.
    #[must_use]
    pub fn held_against(self, baseline: Baseline) -> Self {
        match self {
            Self::Rollout(rollout) => Self::Rollout(Box::new(rollout.held_against(baseline))),
            no_rollout @ Self::NotARollout { .. } => no_rollout,
        }
    }
}

/// A request that was read.
#[derive(Debug)]
pub enum Read {
    /// What it is shows in its two objects.
    Told(Reviewed),
    /// It takes the earlier revisions to tell what it is.
    Unsettled(Box<Unsettled>),
    /// It takes the Pod template first, which stands in another object.
    Referring(Box<Referring>),
}

impl Read {
    /// Tells the class of the change, by the earlier revisions where it takes these.
    #[must_use]
    pub fn settle(self, revisions: &Revisions) -> Reviewed {
        match self {
            Self::Told(reviewed) => reviewed,
            Self::Unsettled(unsettled) => unsettled.settle(revisions),
            Self::Referring(referring) => referring
                .resolve(|_| Err("nobody looked for it".to_owned()))
                .settle(revisions),
        }
    }
}

/// A request about an Argo Rollout whose Pod template stands in another object
/// (`spec.workloadRef`), before that was read.
#[derive(Debug)]
pub struct Referring {
    request: Sides,
    tags: MutableTags,
}

impl Referring {
    /// The object as it is.
    #[must_use]
    pub const fn old(&self) -> Option<&Arc<Workload>> {
        self.request.old.as_ref()
    }

    /// The object as it would become.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "the contract calls the new object `new`"
    )]
    pub const fn new(&self) -> Option<&Arc<Workload>> {
        self.request.new.as_ref()
    }

    /// Tells what the request is by the templates, or why they could not be read. Only what the new
    /// object lacks is a gap: of what was, nothing is asked where it is not known.
    #[must_use]
    pub fn resolve(self, template: impl Fn(&Workload) -> Result<Value, String>) -> Read {
        let Self { request, tags } = self;
        let resolve = |side: Arc<Workload>| match side.template_ref() {
            Some(_) => Arc::new(side.with_referred_template(template(&side))),
            None => side,
        };
        let request = Sides {
            old: request.old.map(|old| {
                let resolved = resolve(Arc::clone(&old));
                if resolved.shows_template() {
                    resolved
                } else {
                    old
                }
            }),
            new: request.new.map(resolve),
            ..request
        };
        let sight = request
            .first_sight(&tags)
            .expect("the two objects were read and compared before");
        request.read(sight)
    }
}

/// Both objects of a request, and who asks.
#[derive(Debug)]
struct Sides {
    frame: Frame,
    asker: Asker,
    old: Option<Arc<Workload>>,
    new: Option<Arc<Workload>>,
}

impl Sides {
    fn first_sight(&self, tags: &MutableTags) -> Result<FirstSight, ShapeError> {
        let (old, new) = (self.old.as_deref(), self.new.as_deref());
        first_sight(self.frame.operation, self.asker, old, new, tags)
    }

    fn read(self, sight: FirstSight) -> Read {
        let Self {
            frame, old, new, ..
        } = self;
        match (sight, old, new) {
            (FirstSight::Told(told), old, new) => Read::Told(frame.reviewed(told, old, new)),
            (FirstSight::Open(open), Some(old), Some(new)) => {
                Read::Unsettled(Box::new(Unsettled {
                    open,
                    frame,
                    old,
                    new,
                }))
            }
            (FirstSight::Open(_), ..) => unreachable!("only an update leaves a question open"),
        }
    }

    /// Whether the Pod template that policies are to be shown stands in another object. Of what is
    /// deleted, it may be gone by now.
    fn lacks_template(&self, sight: &FirstSight) -> bool {
        let sides = || self.old.iter().chain(&self.new);
        let nothing_starts = matches!(sight, FirstSight::Told(Classified::NotARollout { .. }))
            && !is_relabelled(self.old.as_deref(), self.new.as_deref());
        self.new.is_some() && !nothing_starts && sides().any(|side| side.template_ref().is_some())
    }
}

/// A rollout that is a rollback or not, as the earlier revisions tell.
#[derive(Debug)]
pub struct Unsettled {
    open: Open,
    frame: Frame,
    old: Arc<Workload>,
    new: Arc<Workload>,
}

impl Unsettled {
    /// The revisions that tell it apart.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        Wanted::of(&self.old, &self.new)
    }

    /// Whether revisions may tell it apart that lack the newest ones.
    #[must_use]
    pub const fn may_be_told_by_older(&self) -> bool {
        self.open.may_be_told_by_older()
    }

    /// Whether these revisions, which may lack the newest ones, tell what all of them would.
    #[must_use]
    pub fn is_told_by_older(&self, revisions: &Revisions) -> bool {
        self.open.is_told_by_older(&self.old, revisions)
    }

    /// The classes that it may turn out to have.
    #[must_use]
    pub const fn classes(&self) -> [Change; 2] {
        [self.open.forward(), Change::Rollback]
    }

    /// The object as it is.
    #[must_use]
    pub const fn old(&self) -> &Arc<Workload> {
        &self.old
    }

    /// The object as it would become.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "the contract calls the new object `new`"
    )]
    pub const fn new(&self) -> &Arc<Workload> {
        &self.new
    }

    /// Tells the class of the change.
    #[must_use]
    pub fn settle(self, revisions: &Revisions) -> Reviewed {
        let baseline = self.open.baseline(&self.old, revisions);
        let told = settle(self.open, &self.old, &self.new, revisions);
        let reviewed = self.frame.reviewed(told, Some(self.old), Some(self.new));
        reviewed.held_against(baseline)
    }
}

/// Who asks, and how.
#[derive(Debug)]
struct Frame {
    operation: Operation,
    user: String,
    groups: Vec<String>,
    dry_run: bool,
}

impl Frame {
    fn reviewed(
        self,
        told: Classified,
        old: Option<Arc<Workload>>,
        new: Option<Arc<Workload>>,
    ) -> Reviewed {
        match told {
            Classified::NotARollout { why } => Reviewed::NotARollout {
                why,
                relabelled: is_relabelled(old.as_deref(), new.as_deref())
                    .then(|| Box::new(self.rollout(None, None, Undo::NotPossible, old, new))),
            },
            Classified::Rollout { change, note, undo } => {
                Reviewed::Rollout(Box::new(self.rollout(Some(change), note, undo, old, new)))
            }
        }
    }

    fn rollout(
        self,
        class: Option<Change>,
        change_note: Option<String>,
        undo: Undo,
        old: Option<Arc<Workload>>,
        new: Option<Arc<Workload>>,
    ) -> Rollout {
        Rollout {
            class,
            change_note,
            undo,
            operation: self.operation,
            user: self.user,
            groups: self.groups,
            dry_run: self.dry_run,
            new,
            old,
            baseline: match class {
                Some(_) => Baseline::old_object(),
                None => Baseline::nothing(),
            },
        }
    }
}

fn is_relabelled(old: Option<&Workload>, new: Option<&Workload>) -> bool {
    let labels = old.zip(new).map(|(old, new)| (old.labels(), new.labels()));
    labels.is_some_and(|(old, new)| old != new)
}

const LEAVES: &str = "the change takes the workload out of the labels that the policy matches by, \
    so it is judged as a roll-forward";

impl Rollout {
    /// Reads both objects of a request, with the API's defaults filled in, and tells the class of
    /// the change as far as these two tell it.
    ///
    /// # Errors
    /// When an object is missing, is no workload, or has another shape than its API gives it.
    pub fn read(request: Request) -> Result<Read, ShapeError> {
        Self::read_by(request, &MutableTags::default())
    }

    /// As [`Rollout::read`], where an operator has said which tags of images move.
    ///
    /// # Errors
    /// As there.
    pub fn read_by(request: Request, tags: &MutableTags) -> Result<Read, ShapeError> {
        request.check_objects()?;
        let Request {
            operation,
            sub_resource,
            namespace,
            user,
            groups,
            asker,
            dry_run,
            object,
            old_object,
        } = request;
        if let Some(why) = sub_resource.never_a_rollout(operation) {
            return Ok(Read::Told(Reviewed::NotARollout {
                why,
                relabelled: None,
            }));
        }
        let frame = Frame {
            operation,
            user,
            groups,
            dry_run,
        };
        let parse = |tree: Option<Value>| {
            tree.map(|tree| sub_resource.parse(tree, namespace.as_deref()).map(Arc::new))
                .transpose()
        };
        let request = Sides {
            new: parse(object)?,
            old: parse(old_object)?,
            frame,
            asker,
        };
        let sight = request.first_sight(tags)?;
        if request.lacks_template(&sight) {
            return Ok(Read::Referring(Box::new(Referring {
                request,
                tags: tags.clone(),
            })));
        }
        Ok(request.read(sight))
    }

    /// Reads a request and tells the class of the change, where the earlier revisions are at hand
    /// or known to be out of reach.
    ///
    /// # Errors
    /// As [`Rollout::read`].
    pub fn from_request(request: Request, revisions: &Revisions) -> Result<Reviewed, ShapeError> {
        Ok(Self::read(request)?.settle(revisions))
    }

    /// The class of the change, as policies are shown it.
    #[must_use]
    pub const fn change(&self) -> Change {
        match self.class {
            Some(class) => class,
            None => Change::RollForward,
        }
    }

    /// The class that policies match; `None` where the change is no rollout by itself, so that only
    /// the policies judge it that it leaves.
    #[must_use]
    pub const fn class(&self) -> Option<Change> {
        self.class
    }

    /// A sentence on how the class was told, where it is not obvious.
    #[must_use]
    pub fn change_note(&self) -> Option<&str> {
        match self.class {
            Some(_) => self.change_note.as_deref(),
            None => Some(LEAVES),
        }
    }

    /// The same change as a policy is shown it which it leaves: one that matched the labels of the
    /// old object, and does not match those of the new one. What follows is out of its sight, so it
    /// is shown a roll-forward, whatever the change is.
    #[must_use]
    pub fn leaving(&self) -> Self {
        Self {
            class: None,
            baseline: Baseline::nothing(),
            ..self.clone()
        }
    }

    /// Whether `kubectl rollout undo` would be told apart as a rollback now.
    #[must_use]
    pub const fn undo(&self) -> &Undo {
        &self.undo
    }

    /// The admission operation.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The user who asks; empty on a dry-run from files.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The groups of that user.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Whether nothing will be persisted.
    #[must_use]
    pub const fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// The object as it would become; `None` when it is deleted.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "the contract calls the new object `new`"
    )]
    pub const fn new(&self) -> Option<&Arc<Workload>> {
        self.new.as_ref()
    }

    /// The object as it is; `None` when it is created.
    #[must_use]
    pub const fn old(&self) -> Option<&Arc<Workload>> {
        self.old.as_ref()
    }

    /// What existing findings are held against: what the workload had before, as far as that can be
    /// told. `None` for a workload that is created.
    #[must_use]
    pub fn baseline(&self) -> Option<&Arc<Workload>> {
        self.baseline.workload(self.old.as_ref())
    }

    /// The same rollout, with existing findings held against another baseline.
    #[must_use]
    pub fn held_against(self, baseline: Baseline) -> Self {
        Self { baseline, ..self }
    }

    /// The new object, or the old one when it is deleted.
    #[must_use]
    pub fn subject(&self) -> &Arc<Workload> {
        self.new
            .as_ref()
            .or(self.old.as_ref())
            .expect("a rollout has an object: `read` checked")
    }
}
