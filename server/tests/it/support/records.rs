//! Many and large audit records, faster than calls would make them.

use super::World;

/// Puts finished calls of a tool on record in `acme`, as of now. The tool's name is `name` and then so many
/// times `x`, each body is so many bytes.
pub(crate) async fn put(world: &World, count: i32, (name, padding): (&str, i32), bytes: i32) {
    let sql = "WITH made AS (
            SELECT (substr(time, 1, 8) || '-' || substr(time, 9, 4) || '-7' || substr(random, 16))::uuid AS id, at
            FROM (SELECT clock_timestamp() AS at, gen_random_uuid()::text AS random,
                      lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') AS time
                  FROM generate_series(1, $1)) AS times),
        intents AS (
            INSERT INTO audit_intents (id, at, org_id, request_id, actor_kind, actor_name, action, toolkit, tool)
            SELECT id, at, (SELECT id FROM orgs WHERE slug = 'acme'), id, 'system', 'permesso', 'tools/call', 'bank',
                $2 || repeat('x', $3) FROM made)
        INSERT INTO audit_outcomes (intent_id, intent_at, org_id, at, status, duration_us, response)
        SELECT id, at, (SELECT id FROM orgs WHERE slug = 'acme'), at, 'ok', 1, repeat('y', $4) FROM made";
    let query = sqlx::query(sql).bind(count).bind(name).bind(padding).bind(bytes);
    let made = query.execute(&mut world.sql().await).await.expect("they are on record");
    assert_eq!(made.rows_affected(), u64::try_from(count).expect("a number"));
}
