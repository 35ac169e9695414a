//! What every page is built of. Components use the tokens of `styles/tokens.css` and nothing else.
