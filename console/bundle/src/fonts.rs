//! The typeface that the style sheets name: its files, and the licence that goes with them.

use anyhow::Result;

use crate::fill;

/// The file that every page loads.
pub(crate) const TYPEFACE: &str = "onest.woff2";
/// The file with the letters of further languages.
const EXTENDED: &str = "onest-ext.woff2";
/// The licence, which a copy of the files must bring along.
const LICENCE: &str = "OFL.txt";

/// The style sheet with the addresses of the files, which lie in a directory, and a first line that says where their
/// licence is.
pub(crate) fn addressed(styles: &str, directory: &str) -> Result<String> {
    let [typeface, extended] = [TYPEFACE, EXTENDED].map(|file| format!("{directory}/{file}"));
    let styles = fill(styles, &[(TYPEFACE, &typeface), (EXTENDED, &extended)])?;
    Ok(format!("/* Onest: SIL Open Font License 1.1, {directory}/{LICENCE} */\n{styles}"))
}
