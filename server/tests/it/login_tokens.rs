//! Login tokens belong to one installation.

use permesso::{
    auth::jwt::Jwt,
    seal::{KeyUse, MasterKey},
};
use secrecy::{ExposeSecret, SecretString};
use sqlx::query_scalar;
use uuid::Uuid;

use crate::support::{
    Client, Gateway,
    database::{database, owner},
    world::ADMIN,
};

/// A second installation that knows the same people, by the same ids and passwords.
async fn twin(of: &SecretString) -> SecretString {
    let twin = database().await;
    let select = "SELECT to_jsonb(u)::text FROM users u WHERE email = $1";
    let admin: String = query_scalar(select).bind(ADMIN.0).fetch_one(&mut owner(of).await).await.unwrap();
    let insert = "INSERT INTO users SELECT * FROM jsonb_populate_record(NULL::users, $1::jsonb)";
    sqlx::query(insert).bind(admin).execute(&mut owner(&twin).await).await.unwrap();
    // The databases of these tests are copies of one that was migrated once.
    let installed = "UPDATE configuration SET instance = gen_random_uuid()";
    sqlx::query(installed).execute(&mut owner(&twin).await).await.unwrap();
    twin
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_token_is_good_at_each_replica_and_at_no_other_installation_with_the_same_key_and_people() {
    let first = database().await;
    let gateway = Gateway::start(&first).await;
    let second = Gateway::start(&twin(&first).await).await;
    let replica = Gateway::start(&first).await;
    let admin = Client::sign_in(&gateway.url, ADMIN.0, ADMIN.1).await;
    admin.at(&replica.url).get("/me").await.expect(200);
    admin.at(&second.url).get("/me").await.expect(401);
    let there = Client::sign_in(&second.url, ADMIN.0, ADMIN.1).await;
    there.get("/me").await.expect(200);
}

#[tokio::test]
async fn whoever_knows_only_the_published_key_cannot_make_a_login_token() {
    let database = database().await;
    let gateway = Gateway::start(&database).await;
    let admin: Uuid = query_scalar("SELECT id FROM users").fetch_one(&mut owner(&database).await).await.unwrap();
    let published = MasterKey::development().derive(KeyUse::LoginToken(Uuid::nil()));
    let now = gateway.services.clock.now();
    for epoch in 0..3 {
        let forged = Jwt::new(&published).issue(admin, epoch, now).unwrap();
        Client::new(&gateway.url, Some(forged.expose_secret())).get("/me").await.expect(401);
    }
}
