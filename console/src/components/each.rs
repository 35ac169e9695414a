//! A list whose entries stay the same elements while it changes.

use std::{
    any::Any,
    hash::{Hash, Hasher},
    sync::Arc,
};

use leptos::prelude::*;

/// Leptos's own component of this name, compiled once instead of once for each kind of list.
#[component]
pub fn For<I, T, N, K>(
    /// What is in the list, in its order.
    each: impl Fn() -> I + Send + 'static,
    /// What tells an entry from every other one.
    key: impl Fn(&T) -> K + Send + 'static,
    /// Shows an entry.
    children: impl Fn(T) -> N + Send + Sync + 'static,
) -> impl IntoView
where
    I: IntoIterator<Item = T>,
    T: Send + 'static,
    N: IntoView + 'static,
    K: Eq + Hash + Send + Sync + 'static,
{
    let children = Arc::new(children);
    list(Box::new(move || {
        let entry = |item| {
            let (key, children) = (Key(Arc::new(key(&item))), children.clone());
            (key, Box::new(move || children(item).into_any()) as Build)
        };
        each().into_iter().map(entry).collect()
    }))
}

/// Shows an entry.
type Build = Box<dyn FnOnce() -> AnyView + Send>;

fn list(entries: Box<dyn Fn() -> Vec<(Key, Build)> + Send>) -> AnyView {
    let children = |(_, build): (Key, Build)| build();
    view! { <leptos::control_flow::For each=entries key=|(key, _)| key.clone() children /> }.into_any()
}

/// A key of any type.
#[derive(Clone)]
struct Key(Arc<dyn AnyKey>);

trait AnyKey: Any + Send + Sync {
    fn is(&self, other: &dyn Any) -> bool;
    fn hash_into(&self, hasher: &mut dyn Hasher);
}

impl<K: Eq + Hash + Send + Sync + 'static> AnyKey for K {
    fn is(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<K>() == Some(self)
    }

    fn hash_into(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(&*other.0)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.0.hash_into(hasher);
    }
}
