//! Whether somebody comes near the end of an endless list.

use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Element, IntersectionObserver, IntersectionObserverEntry};

use crate::reactive::effect;

/// Watches an element, for as long as the calling component is shown.
struct Watch {
    observer: IntersectionObserver,
    _seen: Closure<dyn FnMut(js_sys::Array)>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// Calls `act` whenever the element comes into view, and again if it still is after what `track` reads has changed. The
/// element reaches as far above the end of the list as somebody may still have to scroll.
pub(super) fn when_near(node: NodeRef<html::Div>, track: impl Fn() + 'static, act: impl Fn() + 'static) {
    let seen = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
        let is_in = |entry: JsValue| entry.unchecked_into::<IntersectionObserverEntry>().is_intersecting();
        if entries.iter().any(is_in) {
            act();
        }
    });
    // Every browser of the last years has one; there is a button, too.
    let Ok(observer) = IntersectionObserver::new(seen.as_ref().unchecked_ref()) else { return };
    let watch = StoredValue::new_local(Some(Watch { observer, _seen: seen }));
    effect(move || {
        track();
        let Some(element) = node.get() else { return };
        let element: &Element = &element;
        watch.with_value(|watch| {
            if let Some(Watch { observer, .. }) = watch {
                // An observer tells of an element when it begins to watch it.
                observer.unobserve(element);
                observer.observe(element);
            }
        });
    });
    on_cleanup(move || watch.set_value(None));
}
