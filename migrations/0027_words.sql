-- no-transaction
-- The words of a `default` that joins them by commas are compared as a set from here on (wire::normal). The lists of reviewed
-- definitions have hashes of the form before: the next listing adds the definition last reviewed with its hash of now.
BEGIN;
UPDATE tools SET reviewed_listed = NULL
    WHERE reviewed_listed IS NOT NULL AND reviewed_definition ~ '"default"\s*:\s*"[^"]*,';
COMMIT;
