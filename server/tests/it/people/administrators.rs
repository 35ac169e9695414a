//! An org keeps an administrator, also when two are removed at the same moment.

use serde_json::{Value, json};

use crate::support::{Client, World};

/// Makes the org with two administrators; gives their membership ids.
async fn org_of_two(admin: &Client, slug: &str) -> [String; 2] {
    admin.post("/orgs", json!({"slug": slug, "name": slug})).await.expect(201);
    let add = async |name: &str| {
        let member = json!({"email": format!("{name}-{slug}@example.com"), "role": "admin"});
        let made = admin.post(&format!("/orgs/{slug}/members"), member).await.expect(201);
        made["id"].as_str().unwrap_or_default().to_owned()
    };
    [add("one").await, add("two").await]
}

async fn administrators(admin: &Client, slug: &str) -> usize {
    let members = admin.get(&format!("/orgs/{slug}/members")).await.expect(200);
    let items: &Vec<Value> = members["items"].as_array().expect("items");
    items.iter().filter(|member| member["role"] == "admin").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_go_at_the_same_moment_one_stays() {
    let world = World::new().await;
    for round in 0..8 {
        let slug = format!("duo-{round}");
        let [one, two] = org_of_two(&world.admin, &slug).await;
        let path = |id: &str| format!("/orgs/{slug}/members/{id}");
        let (first, second) = (path(&one), path(&two));
        let demote = json!({"role": "member"});
        // Removals, demotions, and one of each.
        let answers = match round % 3 {
            0 => tokio::join!(world.admin.delete(&first), world.admin.delete(&second)),
            1 => tokio::join!(world.admin.patch(&first, demote.clone()), world.admin.patch(&second, demote)),
            _ => tokio::join!(world.admin.delete(&first), world.admin.patch(&second, demote)),
        };
        let answers = [answers.0, answers.1];
        let refused: Vec<_> = answers.iter().filter(|answer| !answer.status.is_success()).collect();
        assert_eq!(refused.len(), 1, "{answers:?}");
        assert_eq!((refused[0].status.as_u16(), refused[0].code().as_str()), (409, "last_admin"));
        assert_eq!(administrators(&world.admin, &slug).await, 1);
    }
}
