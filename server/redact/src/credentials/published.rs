//! Tokens whose issuers publish how they look, mostly so that they can be found where they should not be: a prefix that
//! nothing else has, and a run of characters that is long enough. A prefix that a word may have as well counts at the start
//! of a word only.
//!
//! Each reader gives up within a constant number of bytes: in vain it reads less than the shortest token has, and a prefix
//! of which its own run is made counts at the start of a word only.

use std::ops::Range;

use super::text::Text;

/// A published shape of token.
pub(super) struct Token {
    /// How it begins, in just this case.
    pub(super) begins: &'static str,
    /// What may follow.
    follows: Follows,
    /// How many of them there are at least.
    least: usize,
    /// It counts only where no word goes on: not after a letter, a digit, `_` or `-`.
    starts_word: bool,
    /// Names and words may begin so, too: without the rest it tells nothing.
    is_common: bool,
}

/// The characters of a token, behind its prefix.
#[derive(Clone, Copy)]
enum Follows {
    /// Letters and digits.
    Alnum,
    /// Lower and upper case hexadecimal digits.
    Hex,
    /// Capitals and the digits of base32.
    Base32,
    /// Letters, digits and `_`.
    Word,
    /// What base64 has for URLs: letters, digits, `_` and `-`.
    Url,
    /// The same and dots.
    Dotted,
    /// Letters, digits, `_`, `-`, `+`, `/` and `=`: base64 of any kind, and paths.
    Base64,
}

impl Follows {
    /// As a class of a regular expression.
    fn class(self) -> &'static str {
        match self {
            Self::Alnum => "[0-9A-Za-z]",
            Self::Hex => "[0-9A-Fa-f]",
            Self::Base32 => "[2-7A-Z]",
            Self::Word => "[0-9A-Za-z_]",
            Self::Url => "[0-9A-Za-z_-]",
            Self::Dotted => r"[0-9A-Za-z_.-]",
            Self::Base64 => "[0-9A-Za-z_+/=-]",
        }
    }

    fn has(self, character: char) -> bool {
        let alnum = character.is_ascii_alphanumeric();
        match self {
            Self::Alnum => alnum,
            Self::Hex => character.is_ascii_hexdigit(),
            Self::Base32 => matches!(character, '2'..='7' | 'A'..='Z'),
            Self::Word => alnum || character == '_',
            Self::Url => alnum || matches!(character, '_' | '-'),
            Self::Dotted => alnum || matches!(character, '_' | '-' | '.'),
            Self::Base64 => alnum || matches!(character, '_' | '-' | '+' | '/' | '='),
        }
    }
}

const fn anywhere(begins: &'static str, follows: Follows, least: usize) -> Token {
    Token { begins, follows, least, starts_word: false, is_common: false }
}

const fn word(begins: &'static str, follows: Follows, least: usize) -> Token {
    Token { begins, follows, least, starts_word: true, is_common: false }
}

const fn common(begins: &'static str, follows: Follows, least: usize) -> Token {
    Token { is_common: true, ..word(begins, follows, least) }
}

use Follows::{Alnum, Base32, Base64, Dotted, Hex, Url, Word};

/// The tokens that are known. Lengths are a little below what is published, since issuers make them longer and shorter.
pub(super) const TOKENS: &[Token] = &[
    // Amazon Web Services: keys of people and of sessions (IAM, "Unique identifiers"), of Bedrock. AIDA and AROA are names.
    word("AKIA", Base32, 16),
    common("ASIA", Base32, 16),
    common("ABIA", Base32, 16),
    common("ACCA", Base32, 16),
    common("ABSK", Base64, 80),
    common("bedrock-api-key-", Base64, 40),
    // GitHub
    anywhere("ghp_", Alnum, 30),
    anywhere("gho_", Alnum, 30),
    anywhere("ghu_", Alnum, 30),
    anywhere("ghs_", Alnum, 30),
    anywhere("ghr_", Alnum, 30),
    anywhere("github_pat_", Word, 40),
    // GitLab
    word("glpat-", Dotted, 20),
    word("gldt-", Dotted, 20),
    word("glrt-", Dotted, 20),
    word("glrtr-", Dotted, 20),
    word("glcbt-", Dotted, 20),
    word("glptt-", Dotted, 20),
    word("glft-", Dotted, 20),
    word("glimt-", Dotted, 20),
    word("glagent-", Dotted, 20),
    word("gloas-", Dotted, 20),
    word("glsoat-", Dotted, 20),
    word("glffct-", Dotted, 20),
    word("glwt-", Dotted, 20),
    word("GR1348941", Url, 20),
    // Bitbucket and Atlassian
    word("ATBB", Alnum, 24),
    word("ATATT3", Base64, 60),
    word("ATCTT3", Base64, 60),
    // Slack: of bots, people, workspaces, apps, browsers; addresses of webhooks
    word("xoxa-", Url, 10),
    word("xoxb-", Url, 10),
    word("xoxc-", Url, 10),
    word("xoxd-", Url, 10),
    word("xoxe-", Url, 10),
    word("xoxe.", Url, 10),
    word("xoxo-", Url, 10),
    word("xoxp-", Url, 10),
    word("xoxr-", Url, 10),
    word("xoxs-", Url, 10),
    common("xapp-", Url, 20),
    Token { is_common: true, ..anywhere("hooks.slack.com", Base64, 40) },
    // Stripe. Those with pk_ are public.
    anywhere("sk_live_", Alnum, 10),
    anywhere("sk_test_", Alnum, 10),
    anywhere("rk_live_", Alnum, 10),
    anywhere("rk_test_", Alnum, 10),
    word("whsec_", Base64, 20),
    // OpenAI and those who make keys like it, Anthropic, others of their kind
    word("sk-proj-", Url, 20),
    word("sk-svcacct-", Url, 20),
    word("sk-admin-", Url, 20),
    word("sk-None-", Url, 20),
    word("sk-ant-", Url, 20),
    word("sk-or-v1-", Hex, 32),
    word("sk-lf-", Url, 30),
    word("sk-", Alnum, 32),
    word("hf_", Alnum, 30),
    common("api_org_", Alnum, 30),
    word("gsk_", Alnum, 40),
    common("xai-", Alnum, 60),
    word("pplx-", Alnum, 40),
    word("nvapi-", Url, 40),
    word("r8_", Alnum, 30),
    word("tvly-", Url, 24),
    word("lsv2_", Word, 36),
    // Google: keys, secrets of OAuth clients, access and refresh tokens
    word("AIza", Url, 30),
    word("GOCSPX-", Url, 20),
    word("ya29.", Url, 20),
    // Registries: npm, PyPI, RubyGems, crates, Docker, NuGet
    word("npm_", Alnum, 30),
    word("pypi-AgE", Url, 50),
    common("rubygems_", Hex, 40),
    common("cio", Alnum, 32),
    word("dckr_pat_", Url, 20),
    word("dckr_oat_", Url, 20),
    common("oy2", Alnum, 43),
    // Mail, telephones
    common("SG.", Dotted, 40),
    common("SK", Hex, 32),
    common("key-", Hex, 32),
    word("xkeysib-", Url, 60),
    // Hosts and shops
    word("dop_v1_", Hex, 40),
    word("doo_v1_", Hex, 40),
    word("dor_v1_", Hex, 40),
    word("HRKU-", Url, 36),
    common("dapi", Hex, 32),
    word("hvs.", Url, 24),
    word("hvb.", Url, 24),
    word("dp.pt.", Alnum, 40),
    common("pul-", Hex, 40),
    word("pscale_tkn_", Dotted, 32),
    word("pscale_pw_", Dotted, 32),
    word("pscale_oauth_", Dotted, 32),
    word("sbp_", Hex, 40),
    word("sb_secret_", Url, 20),
    word("shpat_", Hex, 32),
    word("shpca_", Hex, 32),
    word("shppa_", Hex, 32),
    word("shpss_", Hex, 32),
    word("sq0atp-", Url, 22),
    word("sq0csp-", Url, 40),
    // Tools that agents work with
    word("lin_api_", Alnum, 32),
    word("lin_oauth_", Alnum, 32),
    word("ntn_", Alnum, 40),
    common("secret_", Alnum, 43),
    word("figd_", Url, 30),
    word("PMAK-", Url, 50),
    word("sntrys_", Base64, 40),
    word("sntryu_", Hex, 40),
    word("glsa_", Word, 32),
    word("glc_", Base64, 32),
    word("pat-na1-", Url, 32),
    word("pat-eu1-", Url, 32),
    word("AGE-SECRET-KEY-1", Alnum, 50),
    word("ops_eyJ", Base64, 100),
];

impl Token {
    /// A pattern that matches in every JSON text where this token stands in a string, unless it is hidden by `\u`.
    pub(super) fn trace(&self) -> String {
        /// So many of its characters tell enough.
        const TELLS: usize = 8;
        let begins = regex::escape(self.begins);
        match self.follows {
            // A slash may be escaped.
            Follows::Base64 => begins,
            follows => format!("{begins}{}{{{}}}", follows.class(), self.least.min(TELLS)),
        }
    }

    /// Reads on from where it may begin.
    pub(super) fn read(&self, text: &Text<'_>, at: usize) -> Option<Range<usize>> {
        if !text.all[at..].starts_with(self.begins) || (self.starts_word && text.goes_on(at)) {
            return None;
        }
        let secret = at + self.begins.len();
        let ends = text.run(secret, |character| self.follows.has(character));
        (ends - secret >= self.least).then_some(at..ends)
    }

    /// Whether a text begins as nothing but this token does.
    pub(super) fn is_told_by_its_beginning(&self, text: &str) -> bool {
        !self.is_common && text.starts_with(self.begins)
    }

    /// Something of the shape with so many characters more, or fewer, than it needs.
    #[cfg(test)]
    pub(super) fn example(&self, more: isize) -> String {
        let follows = match self.follows {
            Follows::Base32 => "AB23",
            _ => "ab12",
        };
        let length = self.least.saturating_add_signed(more);
        self.begins.chars().chain(follows.chars().cycle().take(length)).collect()
    }

    /// The same as a pattern, which says the same at more cost.
    #[cfg(test)]
    pub(super) fn pattern(&self) -> String {
        let before = if self.starts_word { r"(?:^|[^\p{Alphabetic}0-9_-])" } else { "" };
        format!("{before}(?<secret>{}{}{{{},}})", regex::escape(self.begins), self.follows.class(), self.least)
    }
}
