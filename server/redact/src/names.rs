//! Which names of members look like those of secrets. The words are those of OWASP's Logging Cheat
//! Sheet ("Data to exclude") and of the default lists of Sentry and Rails, as whole words of a name:
//! `userPassword`, `X-Api-Key` and `DB_PASSWORD` are secret, `author`, `tokens_used` and `secretary`
//! are not.
//!
//! In doubt a name is secret: a record that says too little is mended by asking, one that says too
//! much is not.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    escapes::unescape,
    words::{WORDS, pattern},
};

/// Names without a match are not secret.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("{WORDS}|(?i-u:bearer)")));

/// Secret wherever in the name they stand. Words are between underscores, see [`words`].
static ANYWHERE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) _(?:
            [a-z]*pass(?:word|wd|phrase|code)s? | pass_(?:word|phrase|code)s? | [a-z]*pwd | pw
          | (?:admin|db|ftp|http|mysql|pg|proxy|redis|root|smtp|ssh|user)_?pass
          | [a-z]*secrets? | credentials? | creds? | bearer | cvv | cvc
          | [a-z]*token | (?:access|api|auth|bearer|device|id|refresh|session)_?tokens
          | (?:access|account|api|auth|deploy|encryption|host|license|master|private|service|session|shared|signing|ssh|subscription)_?keys?
          | [a-z]*sess(?:ion)?id
          | (?:auth|authorization|backup|mfa|recovery|verification)_codes?
          | connection_string
        )_",
    )
});

/// Secret as the last word, or with a word that only says in which form.
static AT_THE_END: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) (?:
            _(?:authorization|auth|cookies?|session|jwt|otp|totp|csrf|xsrf)(?:_(?:code|data|header|headers|id|key|string|value))?
          | _(?:account|card|sim|user)_pin | ^_pin
        )_$",
    )
});

/// Tokens that are no credentials: places in a list, marks in a text, MCP's progress.
static OTHER_TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) _(?:
            (?:bos|cancel|cancellation|change|continuation|cursor|eos|max|min|next|pad|page|prev|previous|progress
              |resume|resumption|stop|sync|unk)_?token
          | [a-z]*pagetoken
        )_",
    )
});

/// Last words that say something about a secret but not what it is.
static ABOUT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x) _(?:
            at | budget | counts? | enabled | endpoint | expir(?:ation|es|y) | expires_in | length | limits? | methods?
          | names? | polic(?:ies|y) | required | supported | ttl | types? | usage
        )_$",
    )
});

/// Whether the value of a member with this name is kept out of the record.
pub(crate) fn is_secret(name: &str) -> bool {
    if !CANDIDATE.is_match(name) {
        return false;
    }
    let words = words(name);
    let words = OTHER_TOKENS.replace_all(&words, "_");
    AT_THE_END.is_match(&words) || (ANYWHERE.is_match(&words) && !ABOUT.is_match(&words))
}

/// Whether it is, as it stands in JSON between its quotes.
pub(crate) fn is_secret_key(raw: &str) -> bool {
    match raw.contains('\\') {
        true => is_secret(&unescape(raw)),
        false => is_secret(raw),
    }
}

/// The words of a name in lower case with an underscore before, between and behind them:
/// `_x_api_key_` for `X-Api-Key`, `apiKey2` and `APIKey` alike but for the first word.
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    words.push('_');
    let mut before = None;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let begins_word = character.is_uppercase()
            && match before {
                Some(before) if char::is_uppercase(before) => characters.peek().is_some_and(|next| next.is_lowercase()),
                _ => true,
            };
        if (begins_word || !character.is_alphabetic()) && !words.ends_with('_') {
            words.push('_');
        }
        if character.is_alphabetic() {
            words.extend(character.to_lowercase());
        }
        before = Some(character);
    }
    if !words.ends_with('_') {
        words.push('_');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_secret_in_every_spelling() {
        let secret = "password Password PASSWORD userPassword user_password passwd pgpassword DB_PASSWORD password2 \
            passWord pass_phrase passphrase passcode db_pwd MYSQL_PWD smtp_pass dbPass \
            secret client_secret clientSecret clientsecret secrets app.secret secret_key SecretAccessKey \
            token api_token apiToken accessToken access_token accesstoken refresh_tokens X-Auth-Token authToken id_token \
            GITHUB_TOKEN token_value csrfToken session_token next_access_token \
            api_key apikey api-key apiKey APIKey X-Api-Key x-api-key OPENAI_API_KEY apiKeys Ocp-Apim-Subscription-Key \
            private_key privateKey access_key access_key_id ssh_key encryptionKey signing_key \
            authorization Authorization Proxy-Authorization authorization_header auth basicAuth auth_header auth_code \
            cookie Cookie Set-Cookie cookies session sessionId session_id Mcp-Session-Id sessionid JSESSIONID PHPSESSID \
            credential credentials aws_credentials creds bearer jwt otp totp_secret otp_code cvv cardCvc pin card_pin \
            connectionString recovery_codes password_hash passwordConfirmation pw admin_pw license_key";
        for name in secret.split_whitespace() {
            assert!(is_secret(name), "{name} as {}", words(name));
        }
        assert!(is_secret("api key") && is_secret("pass word"));
    }

    #[test]
    fn other_names_are_not() {
        let harmless = "author authors authority authenticated authored_by secretary passport_no passenger compass bypass \
            tokens tokens_used max_tokens maxTokens total_tokens tokenizer token_count token_type tokenType \
            progressToken progress_token nextPageToken pageToken nextpagetoken continuation_token syncToken cursor \
            key keys public_key primary_key sort_key keyboard monkey idempotency_key arguments_sha256 \
            password_policy passwordRequired password_changed_at token_expires_at expires_in access_token_expires_in \
            secret_name secretName token_endpoint authorization_endpoint token_endpoint_auth_methods_supported \
            session_title sessions cookie_policy basic basically accredited incredible pins pinned spinning gpio_pin pincode \
            postal_code status_code code connection connections coding opinion option sid";
        for name in harmless.split_whitespace() {
            assert!(!is_secret(name), "{name} as {}", words(name));
        }
        assert!(!is_secret("") && !is_secret("日本語") && !is_secret("🔑"));
    }

    #[test]
    fn a_name_is_split_at_case_digits_and_punctuation() {
        let split = [
            ("X-Api-Key", "_x_api_key_"),
            ("APIKey", "_api_key_"),
            ("oauth2Token", "_oauth_token_"),
            ("__a..b  c9", "_a_b_c_"),
            ("ÄpfelÖl", "_äpfel_öl_"),
            ("", "_"),
            ("ABC", "_abc_"),
        ];
        for (name, expected) in split {
            assert_eq!(words(name), expected);
        }
    }
}
