// Which scenarios of the suite a gateway for tools has to pass, and why the others are not for it.
//
// Every scenario is in one list or the other: one that a newer suite adds fails until somebody has
// thought about it.

const LEGACY = "2025-11-25";
const MODERN = "2026-07-28";

/** Scenarios, and the revisions to run them for. */
export const APPLICABLE = {
  "server-initialize": [LEGACY],
  "server-session-lifecycle": [LEGACY],
  "server-stateless": [MODERN],
  ping: [LEGACY],
  "tools-list": [LEGACY, MODERN],
  "tools-call-simple-text": [LEGACY, MODERN],
  "tools-call-image": [LEGACY, MODERN],
  "tools-call-audio": [LEGACY, MODERN],
  "tools-call-embedded-resource": [LEGACY, MODERN],
  "tools-call-mixed-content": [LEGACY, MODERN],
  "tools-call-error": [LEGACY, MODERN],
  "tools-call-with-progress": [LEGACY, MODERN],
  "json-schema-2020-12": [LEGACY, MODERN],
  "server-sse-multiple-streams": [LEGACY, MODERN],
  "dns-rebinding-protection": [LEGACY, MODERN],
  caching: [MODERN],
  "tasks-lifecycle": [MODERN],
  "tasks-capability-negotiation": [MODERN],
  "tasks-wire-fields": [MODERN],
  "tasks-request-state-removal": [MODERN],
  "tasks-request-headers": [MODERN],
  "tasks-dispatch-and-envelope": [MODERN],
  "tasks-mrtr-input": [MODERN],
  "tasks-mrtr-composition": [MODERN],
  "input-required-result-basic-elicitation": [MODERN],
  "input-required-result-basic-sampling": [MODERN],
  "input-required-result-basic-list-roots": [MODERN],
  "input-required-result-request-state": [MODERN],
  "input-required-result-multiple-input-requests": [MODERN],
  "input-required-result-multi-round": [MODERN],
  "input-required-result-missing-input-response": [MODERN],
  "input-required-result-result-type": [MODERN],
  "input-required-result-unsupported-methods": [MODERN],
  "input-required-result-tampered-state": [MODERN],
  "input-required-result-capability-check": [MODERN],
  "input-required-result-ignore-extra-params": [MODERN],
  "input-required-result-validate-input": [MODERN],
  "http-header-validation": [MODERN],
  "http-custom-header-server-validation": [MODERN],
};

/** Of those, the ones that have the list of tools change while they run. */
export const CHANGES_THE_LIST = new Set(["server-stateless"]);

/** Patterns of the others, with the reason. */
export const NOT_APPLICABLE = [
  [/^(resources-|sep-2164-resource-)/, "it has no resources"],
  [/^(prompts-|input-required-result-non-tool-request$)/, "it has no prompts"],
  [/^completion-/, "completion is of prompts and resources"],
  [/^sep-2640-skills-/, "it has no skills"],
  [/^(logging-set-level|tools-call-with-logging)$/, "it does not log to clients"],
  [/^(tools-call-sampling|tools-call-elicitation|elicitation-)/, "it asks clients of earlier revisions for nothing"],
  [/^server-sse-polling$/, "it never hangs up on a call to have it polled: calls again join"],
  [/^tasks-status-notifications$/, "the suite itself skips it"],
  [/^tasks-required-task-error$/, "no tool of it needs the extension: who does not declare it is held"],
];
