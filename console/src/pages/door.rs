//! The page that people come in by: a door ajar at one side, and at the other what they fill in or choose.

use leptos::prelude::*;

/// The scene. A drawing that never changes costs least as a text.
const SCENE: &str = r#"<svg viewBox="0 0 640 860" preserveAspectRatio="xMidYMid slice"><path class="wall" d="M0 0h640v860H0z"/><path class="floor" d="M0 640h640v220H0z"/><path class="light" d="M318 640h110l150 220H250z"/><path class="light" d="M226 190h202v450H226z"/><path class="frame" d="M226 640V190h202v450"/><path class="leaf" d="M226 190 332 158v536L226 640z"/><path class="slat" d="M246 232l66-16M246 262l66-14M246 292l66-11M246 322l66-9M246 352l66-6M246 382l66-4M246 412h66M246 442l66 3M246 472l66 6M246 502l66 9M246 532l66 12M246 562l66 15M246 592l66 18"/><circle class="knob" cx="322" cy="428" r="4"/><path class="sill" d="M150 640h340"/></svg>"#;

/// The mark and the name.
const BRAND: &str = r#"<svg class="mark" viewBox="0 0 20 20" aria-hidden="true"><path class="frame" fill="none" stroke="currentColor" stroke-width="1.75" d="M5.5 16.5V3.25h9V16.5M2 16.5h16"/><path class="leaf" d="M5.5 2.4 11.5 4.9v14.2L5.5 16.5z"/></svg><b>Permesso</b>"#;

/// The page.
#[component]
pub(super) fn Door(
    /// The heading and what follows it.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="door">
            <div class="scene" aria-hidden="true" inner_html=SCENE></div>
            <main>
                <div class="form">
                    <p class="line" inner_html=BRAND></p>
                    {children()}
                </div>
            </main>
        </div>
    }
}
