//! A new migration must rebuild what embeds the migrations.
fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
