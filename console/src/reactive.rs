//! Effects, memos and parts of pages whose closures are boxed: Leptos compiles its machinery once for each kind of closure, and that is
//! most of what a browser loads. Here it is compiled once for all effects, and once for each type of value.

use std::{
    any::Any,
    marker::PhantomData,
    sync::{Arc, Mutex},
};

use leptos::{prelude::*, tachys::reactive_graph::SharedReactiveFunction};

/// Runs `act` now, and again after whatever it read has changed, for as long as the calling component is shown.
pub fn effect(act: impl FnMut() + 'static) {
    fn boxed(mut act: Box<dyn FnMut()>) {
        Effect::new(move |_| act());
    }
    boxed(Box::new(act));
}

/// The same, and `act` is told whether it ran before.
pub fn effect_again(mut act: impl FnMut(bool) + 'static) {
    let mut again = false;
    effect(move || act(std::mem::replace(&mut again, true)));
}

/// The same, and `act` is given what it gave before.
pub fn effect_after<T: 'static>(mut act: impl FnMut(Option<T>) -> T + 'static) {
    let mut before = None;
    effect(move || before = Some(act(before.take())));
}

/// What `of` gives, which says that it has changed only when it is another value.
pub fn memo<T: PartialEq + Send + Sync + 'static>(of: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    fn boxed(of: Box<dyn Fn() -> Kept + Send + Sync>) -> leptos::prelude::Memo<Kept> {
        leptos::prelude::Memo::new(move |_| of())
    }
    fn kept<T: PartialEq + Send + Sync + 'static>(value: T) -> Kept {
        Kept { value: Arc::new(Box::new(value)), same: |one, other| self::of::<T>(one) == self::of::<T>(other) }
    }
    Memo { kept: boxed(Box::new(move || kept(of()))), of: PhantomData }
}

/// What `of` gives, as it is asked for.
pub fn derived<T: Send + Sync + 'static>(of: impl Fn() -> T + Send + Sync + 'static) -> Signal<T> {
    fn boxed<T: Send + Sync + 'static>(of: Box<dyn Fn() -> T + Send + Sync>) -> Signal<T> {
        Signal::derive(of)
    }
    boxed(Box::new(of))
}

/// What `of` gives, as a part or an attribute of a page that varies with what `of` reads.
pub fn varying<T: 'static>(of: impl FnMut() -> T + Send + 'static) -> SharedReactiveFunction<T> {
    Arc::new(Mutex::new(of))
}

/// A value with its type left out: what follows values is compiled once for all of them.
type Value = Box<dyn Any + Send + Sync>;

fn of<T: 'static>(value: &Value) -> &T {
    (**value).downcast_ref().expect("a value of the signal's type")
}

fn of_mut<T: 'static>(value: &mut Value) -> &mut T {
    (**value).downcast_mut().expect("a value of the signal's type")
}

/// What [`memo`] gives: Leptos's own of this name, compiled once for all types of values. Copied freely.
pub struct Memo<T> {
    kept: leptos::prelude::Memo<Kept>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Memo<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Memo<T> {}

/// A value of a memo, and how it is compared.
#[derive(Clone)]
struct Kept {
    value: Arc<Value>,
    same: fn(&Value, &Value) -> bool,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        (self.same)(&self.value, &other.value)
    }
}

impl<T: 'static> Memo<T> {
    /// The value, which is followed.
    pub fn get(self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// The value as it is just now.
    pub fn get_untracked(self) -> T
    where
        T: Clone,
    {
        self.with_untracked(T::clone)
    }

    /// What is made of the value, which is followed.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(of(&self.kept.get().value))
    }

    /// What is made of the value as it is just now.
    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(of(&self.kept.get_untracked().value))
    }

    /// The same; nothing once what it was made for is gone.
    pub fn try_with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> Option<R> {
        self.kept.try_get_untracked().map(|kept| read(of(&kept.value)))
    }

    /// Follows the value. It is read for that: what was never read follows nothing.
    pub fn track(self) {
        drop(self.kept.get());
    }
}

impl<T: Clone + Send + Sync + 'static> From<Memo<T>> for Signal<T> {
    fn from(memo: Memo<T>) -> Self {
        derived(move || memo.get())
    }
}

/// Leptos's own signal of this name, compiled once for all types of values. Copied freely.
pub struct RwSignal<T> {
    value: leptos::prelude::RwSignal<Value>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for RwSignal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for RwSignal<T> {}

impl<T: Send + Sync + 'static> RwSignal<T> {
    /// Makes one; it goes with the calling component.
    pub fn new(value: T) -> Self {
        fn boxed(value: Value) -> leptos::prelude::RwSignal<Value> {
            leptos::prelude::RwSignal::new(value)
        }
        Self { value: boxed(Box::new(value)), of: PhantomData }
    }

    /// The value, which is followed.
    pub fn get(self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// The value as it is just now.
    pub fn get_untracked(self) -> T
    where
        T: Clone,
    {
        self.with_untracked(T::clone)
    }

    /// The same; nothing once what it was made for is gone.
    pub fn try_get_untracked(self) -> Option<T>
    where
        T: Clone,
    {
        self.try_with_untracked(T::clone)
    }

    /// What is made of the value, which is followed.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(of(&self.value.read()))
    }

    /// What is made of the value as it is just now.
    pub fn with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(of(&self.value.read_untracked()))
    }

    /// The same; nothing once what it was made for is gone.
    pub fn try_with_untracked<R>(self, read: impl FnOnce(&T) -> R) -> Option<R> {
        self.value.try_read_untracked().map(|value| read(of(&value)))
    }

    /// Follows the value.
    pub fn track(self) {
        self.value.track();
    }

    /// Sets the value, unless what it was made for is gone.
    pub fn set(self, value: T) {
        self.update(|old| *old = value);
    }

    /// The same; gives the value back where it is gone.
    pub fn try_set(self, value: T) -> Option<T> {
        let mut value = Some(value);
        self.update(|old| {
            if let Some(value) = value.take() {
                *old = value;
            }
        });
        value
    }

    /// Changes the value, unless what it was made for is gone.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        self.try_update(change);
    }

    /// The same, and says what came of it.
    pub fn try_update<R>(self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.value.try_write().map(|mut value| change(of_mut(&mut value)))
    }

    /// The same, and nobody is told.
    pub fn try_update_untracked<R>(self, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.value.try_write_untracked().map(|mut value| change(of_mut(&mut value)))
    }

    /// The same; who follows the value is told where `change` says so.
    pub fn try_maybe_update<R>(self, change: impl FnOnce(&mut T) -> (bool, R)) -> Option<R> {
        self.value.try_write().map(|mut value| {
            let (changed, answer) = change(of_mut(&mut value));
            if !changed {
                value.untrack();
            }
            answer
        })
    }

    /// Tells everybody who follows the value.
    pub fn notify(self) {
        self.value.notify();
    }

    /// Whether what it was made for is gone.
    pub fn is_disposed(self) -> bool {
        self.value.is_disposed()
    }
}

impl<T: Clone + Send + Sync + 'static> From<RwSignal<T>> for Signal<T> {
    fn from(signal: RwSignal<T>) -> Self {
        derived(move || signal.get())
    }
}
