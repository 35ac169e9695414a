-- A console session that ends is told to every replica: event streams that were opened in it end with it.
CREATE OR REPLACE FUNCTION announce_sign_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('permesso_session', 'signed_out ' || OLD.id);
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER sessions_deleted AFTER DELETE ON sessions FOR EACH ROW EXECUTE FUNCTION announce_sign_out();
