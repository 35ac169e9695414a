//! The cookie by which a browser is known at the sign-in. It opens nothing: whoever has one may try a password where
//! others are refused, so often as its own allowance lets them (`throttle`).
//!
//! It holds 256 random bits and a mark (HMAC-SHA256) that this installation made it: what a stranger makes up is told
//! apart without asking a database. Whose it is, only the database knows, by its SHA-256.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use tower_sessions::cookie::{Cookie, SameSite, time::Duration as CookieAge};

use crate::random;

/// How long a browser is known after signing in: 90 days.
pub const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How many random bytes a cookie holds before its mark.
const RANDOM: usize = 32;

/// A browser that this installation gave a cookie to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// SHA-256 of what the cookie holds.
    pub id_sha256: [u8; 32],
}

/// Makes and recognizes the cookies, with one key. `Debug` hides it.
pub struct Devices(hmac::Key);

impl Devices {
    /// With this key, derived for this use and installation alone.
    pub fn new(key: &SecretBox<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()))
    }

    /// A new one, and what its cookie holds: 86 characters.
    ///
    /// # Panics
    /// When the operating system has no random numbers.
    pub fn make(&self) -> (Device, SecretString) {
        let mut bytes = vec![0; RANDOM];
        random::fill(&mut bytes);
        let mark = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(mark.as_ref());
        let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        (of(&text), text.into())
    }

    /// The one whose cookie holds this; `None` for everything that was not made here. Costs no look-up.
    pub fn read(&self, text: &str) -> Option<Device> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (random, mark) = bytes.split_at_checked(RANDOM)?;
        hmac::verify(&self.0, random, mark).ok()?;
        Some(of(text))
    }

    /// The one that a request's `Cookie` headers name, the first that is ours.
    pub fn of_request<'h>(&self, cookies: impl Iterator<Item = &'h str>, https: bool) -> Option<Device> {
        let name = cookie_name(https);
        let mut ours = cookies.flat_map(Cookie::split_parse).flatten().filter(|cookie| cookie.name() == name);
        ours.find_map(|cookie| self.read(cookie.value()))
    }
}

/// The `Set-Cookie` header that gives a browser its cookie: for this host alone, unseen by scripts.
pub fn set_cookie(text: &SecretString, https: bool) -> String {
    let age = CookieAge::try_from(KNOWN_FOR).unwrap_or(CookieAge::MAX);
    let cookie = Cookie::build((cookie_name(https), text.expose_secret()))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(https)
        .path("/")
        .max_age(age);
    cookie.build().to_string()
}

/// The cookie's name: with `__Host-` no other host and no plain HTTP can set it (RFC 6265bis, section 4.1.3.2).
fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-permesso-device" } else { "permesso-device" }
}

fn of(text: &str) -> Device {
    Device { id_sha256: wire::canonical::sha256(text.as_bytes()) }
}

impl std::fmt::Debug for Devices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Devices").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(key: u8) -> Devices {
        Devices::new(&SecretBox::new(Box::new([key; 32])))
    }

    #[test]
    fn only_what_was_made_here_is_recognized() {
        let (here, elsewhere) = (devices(1), devices(2));
        let (device, text) = here.make();
        let text = text.expose_secret();
        assert_eq!((text.len(), here.read(text)), (86, Some(device)));
        assert_ne!(here.make().0, device);
        assert_eq!(elsewhere.read(text), None);
        let mut forged = text.to_owned();
        forged.replace_range(..1, if text.starts_with('A') { "B" } else { "A" });
        for wrong in ["", "A", "\u{20ac}", &forged, &text[..43], &format!("{text}A"), &"A".repeat(86)] {
            assert_eq!(here.read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_is_found_among_other_cookies() {
        let devices = devices(1);
        let (device, text) = devices.make();
        let text = text.expose_secret();
        let sent = format!("permesso=abc; permesso-device=forged; permesso-device={text}");
        assert_eq!(devices.of_request(["x=y", &sent].into_iter(), false), Some(device));
        assert_eq!(devices.of_request([&*sent].into_iter(), true), None, "another name where people come over HTTPS");
        assert_eq!(devices.of_request(std::iter::empty(), false), None);
    }
}
