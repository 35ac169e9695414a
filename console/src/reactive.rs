//! Effects, memos and parts of pages whose closures are boxed: Leptos compiles its machinery once for each kind of closure, and that is
//! most of what a browser loads. Here it is compiled once for all effects, and once for each type of value.

use std::sync::{Arc, Mutex};

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

/// What `of` gives, which says that it has changed only when it is another value.
pub fn memo<T: PartialEq + Send + Sync + 'static>(of: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    fn boxed<T: PartialEq + Send + Sync + 'static>(of: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
        Memo::new(move |_| of())
    }
    boxed(Box::new(of))
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
