//! The table of docs/api.md, "Codes": every code that an error of the server has, and no other.

use std::{collections::BTreeSet, fs};

use crate::citations::{prose, regex, root, sources};

/// The source of the server, tests left out.
fn source() -> String {
    let mut files = Vec::new();
    sources(&root().join("server/src"), &mut files);
    sources(&root().join("server/ground/src"), &mut files);
    let read = |path| fs::read_to_string(path).expect("UTF-8");
    files.iter().map(|(path, _)| read(path).split("#[cfg(test)]").next().unwrap_or_default().to_owned()).collect()
}

/// The codes that the table has.
fn documented() -> BTreeSet<String> {
    let document = fs::read_to_string(root().join("docs/api.md")).expect("UTF-8");
    let table =
        prose(&document).skip_while(|line| *line != "### Codes").skip(1).take_while(|line| !line.starts_with('#'));
    let first = table.filter_map(|row| row.split('|').nth(1));
    first.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(ToOwned::to_owned).collect()
}

#[test]
fn the_table_has_every_code_of_an_error_and_no_other() {
    let (source, documented) = (source(), documented());
    let makes =
        regex(r#"(?:\bconflict|needs_consent|Error::new|Self::new)\(\s*(?:[\w:]+(?:\([^"]*?\))?,\s*)?"([a-z_]+)""#);
    let made: BTreeSet<_> = makes.captures_iter(&source).map(|made| made[1].to_owned()).collect();
    assert!(made.len() > 50, "the test reads the source: {made:?}");
    let missing: Vec<_> = made.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/api.md does not have these codes: {missing:?}");
    let stray: Vec<_> = documented.iter().filter(|code| !source.contains(&format!("\"{code}\""))).collect();
    assert!(stray.is_empty(), "docs/api.md has codes that nothing answers with: {stray:?}");
}
