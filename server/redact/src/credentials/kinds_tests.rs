//! What is found of each kind, and what looks alike. No secret here was ever one, and none stands here in one piece.

use super::{find, published::TOKENS};
use crate::tests::starred;

fn redacted(text: &str) -> String {
    starred(text, find(text))
}

#[test]
fn every_published_shape_is_found_where_it_stands_and_not_when_it_is_too_short() {
    for token in TOKENS {
        for (one, short) in [token.example(0), token.example(40)].iter().zip([token.example(-1), token.example(-1)]) {
            assert_eq!(redacted(one), "*", "{one}");
            assert_eq!(redacted(&format!("use {one}, please")).matches(one.as_str()).count(), 0, "{one}");
            assert_eq!(redacted(&format!("https://x:{one}@host/")), "https://x:*@host/", "{one}");
            assert_eq!(redacted(&short), short);
        }
    }
}

#[test]
fn tokens_of_known_issuers_are_found() {
    let (letters, digits) = ("aB3dE6gH9jK2mN5pQ8sT1vW4yZ7", "0123456789abcdef0123456789ABCDEF");
    let long = letters.repeat(4);
    for parts in [
        ["AK", "IA", "ABCDEFGHIJ234567"],
        ["gh", "p_", &long[..36]],
        ["github_", "pat_", &long[..82]],
        ["gl", "pat-", &long[..20]],
        ["xo", "xb-", "1234567890-1234567890-aB3dE6gH9jK2"],
        ["xo", "xe.xoxp-", "1-aB3dE6gH9jK2aB3dE6gH9jK2"],
        ["hooks.slack", ".com/services/", "T00000000/B00000000/aB3dE6gH9jK2aB3dE6gH9jK2"],
        ["sk_", "live_", &long[..24]],
        ["sk-", "proj-", &long[..80]],
        ["sk", "-", &long[..48]],
        ["sk-", "ant-api03-", &long[..93]],
        ["AI", "za", &long[..35]],
        ["ya", "29.", &long[..60]],
        ["1/", "/0", &long[..60]],
        ["np", "m_", &long[..36]],
        ["py", "pi-AgEI", &long[..90]],
        ["S", "G.", "aB3dE6gH9jK2mN5pQ8sT1v.aB3dE6gH9jK2mN5pQ8sT1vW4yZ7aB3dE6gH9jK2mN5p"],
        ["S", "K", digits],
    ] {
        let token = parts.concat();
        assert_eq!(redacted(&format!("it is {token}.")).trim_end_matches('.'), "it is *", "{token}");
    }
}

#[test]
fn what_looks_like_a_token_and_is_none_is_left_alone() {
    for text in [
        "task-force, risk-averse, disk-0123456789abcdef0123456789abcdef0123",
        "sk-learn-contributors-and-others-of-the-community",
        "AKIA is how a key begins, ASIAPACIFIC is a region",
        "AROAABCDEFGHIJ234567 and AIDAABCDEFGHIJ234567 are names",
        "pk_live_aB3dE6gH9jK2mN5pQ8sT1vW4 is public",
        "AC0123456789abcdef0123456789abcdef is an account",
        "npm_config_registry, npm_package_name, NPM_TOKEN",
        "idempotency-key-0123456789abcdef0123456789abcdef",
        "ghp_short, gho_, github_pat_, glpat-, xoxb-",
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef01234567 is a commit",
        "123e4567-e89b-12d3-a456-426614174000",
        "the key-value store, key-0123",
        "MSG.something.that.is.written.with.many.dots.in.it.example.com",
        "aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxkLCBoZWxsbyB3b3JsZA==",
        "https://hooks.slack.com/",
        "http://example.com/a1//0b",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn what_is_assigned_to_a_secret_name_is_found() {
    for (text, expected) in [
        ("DB_PASSWORD=hunter2", "DB_PASSWORD=*"),
        ("A=1\nDB_PASSWORD=correct horse # ours\nB=2", "A=1\nDB_PASSWORD=*\nB=2"),
        ("export API_KEY=abc def\r\nX=1", "export API_KEY=*\r\nX=1"),
        ("  - SMTP_PASS=a&b;c", "  - SMTP_PASS=*"),
        ("API_KEY=\"a b\" # ours", "API_KEY=\"*\" # ours"),
        ("password = 'it\\'s'", "password = '*'"),
        ("aws_secret_access_key = wJalr/XUtn+FEMI\nregion = eu", "aws_secret_access_key = *\nregion = eu"),
        ("const apiKey = \"abc\";", "const apiKey = \"*\";"),
        ("docker run -e DB_PASSWORD=abc image", "docker run -e DB_PASSWORD=* image"),
        ("tool --api-key=abc --x=1", "tool --api-key=* --x=1"),
        ("https://x/?a=1&access_token=abc&b=2", "https://x/?a=1&access_token=*&b=2"),
        ("https://x/?user[password]=a%20b", "https://x/?user[password]=*"),
        ("https://x/blob?sv=1&sig=abc%3D&se=2", "https://x/blob?sv=1&sig=*&se=2"),
        ("?X-Amz-Date=1&X-Amz-Signature=0123", "?X-Amz-Date=1&X-Amz-Signature=*"),
        ("Server=db;User Id=sa;Password=a,b#c;Encrypt=true", "Server=db;User Id=sa;Password=*;Encrypt=true"),
        ("DefaultEndpointsProtocol=https;AccountKey=ab+/==;", "DefaultEndpointsProtocol=https;AccountKey=*;"),
        ("host=db password=hunter2 dbname=x", "host=db password=* dbname=x"),
        ("see session=abc; Path=/", "see session=*; Path=/"),
        ("PASSWORD_HASH=$2b$12$abc", "PASSWORD_HASH=*"),
        ("secret := \"abc\", :token => 'abc'", "secret := \"*\", :token => '*'"),
    ] {
        assert_eq!(redacted(text), expected);
    }
}

#[test]
fn what_looks_like_an_assignment_of_a_secret_and_is_none_is_left_alone() {
    for text in [
        "max_tokens=100&next_page_token=abc&sort_key=name&token_type=bearer",
        "password=&token=\nAPI_KEY=",
        "x API_KEY=${API_KEY} TOKEN=$TOKEN token={{token}} password=%PASSWORD% secret=***",
        "auth=true, session=none, token=null",
        "if password == expected and token != other",
        "token = parser.next(input)",
        "the password = what you know",
        "a=b, x >= y, author=Ada, key=value, design=flat",
        "DB_PASSWORD=[redacted]",
        "<input type=\"password\" name=\"token\">",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn basic_credentials_are_found_and_the_word_basic_is_not() {
    let pair = "YWRhOmh1bnRlcjI=";
    for (text, expected) in [
        (format!("Authorization: Basic {pair}"), "Authorization: *"),
        (format!("curl -H 'authorization: basic {pair}' x"), "curl -H 'authorization: *' x"),
        (format!("Basic {}", pair.trim_end_matches('=')), "*"),
        (format!("it wants Basic\t{pair}, she said"), "it wants *, she said"),
        ("Proxy-Authorization: Basic bm8gY29sb24".to_owned(), "Proxy-Authorization: *"),
    ] {
        assert_eq!(redacted(&text), expected, "{text}");
    }
    for text in [
        "Basic authentication is needed, basic username/password, Basic HTML5/CSS3",
        "Authorization: Basic realm",
        "a basic understanding; Visual Basic YWRhbWFudA; basicYWRhOmh1bnRlcjI=",
        "WWW-Authenticate: Basic realm=\"x\"",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn headers_are_found_at_the_start_of_a_line_and_in_quotes() {
    for (text, expected) in [
        (
            "GET / HTTP/1.1\r\nHost: x\r\nX-Api-Key: a b\r\nAccept: */*",
            "GET / HTTP/1.1\r\nHost: x\r\nX-Api-Key: *\r\nAccept: */*",
        ),
        ("Set-Cookie: session=abc; Path=/", "Set-Cookie: *"),
        ("cookie:a=b; c=d\nx", "cookie:*\nx"),
        ("Authorization: Token abc", "Authorization: *"),
        (
            "curl -H 'X-Auth-Token: abc' -H \"PRIVATE-TOKEN:abc\" https://x",
            "curl -H 'X-Auth-Token: *' -H \"PRIVATE-TOKEN:*\" https://x",
        ),
    ] {
        assert_eq!(redacted(text), expected);
    }
    for text in [
        "Content-Type: text/plain\nX-Request-Id: 1\nIdempotency-Key: a\nAccept: a",
        "Password: what you know. Token: the next one",
        "it wants an X-Api-Key: ask for one",
        "X-Api-Key:\nAuthorization:",
        "public-key: ssh-ed25519 AAAA",
    ] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn private_keys_are_found_whole_and_what_is_public_is_not() {
    let block = |label: &str| format!("-----BEGIN {label}-----\nProc-Type: 4\n\nMIIEow+/=\n-----END {label}-----");
    for label in
        ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
    {
        assert_eq!(redacted(&format!("a\n{}\nb {}", block(label), block(label))), "a\n*\nb *");
    }
    let escaped = block("EC PRIVATE KEY").replace('\n', "\\n");
    assert_eq!(redacted(&format!("{{key: {escaped}}}")), "{key: *}");
    assert_eq!(redacted("a -----BEGIN PRIVATE KEY-----\nMIIEow\nIBAA"), "a *", "cut off");
    for label in ["CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY", "PGP MESSAGE", "CERTIFICATE REQUEST"] {
        assert_eq!(redacted(&block(label)), block(label));
    }
    for text in [
        "a file with -----BEGIN PRIVATE KEY----- in it",
        "-----BEGIN",
        "-----BEGIN PRIVATE KEY",
        "-----END PRIVATE KEY-----",
    ] {
        assert_eq!(redacted(text), text);
    }
}
