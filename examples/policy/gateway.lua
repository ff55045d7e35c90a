-- Rules of a team's own: a support page whose simple questions go to a cheap model, with a guard in front of all.
provider "openai" {}
model "fast" { "openai/gpt-4o-mini" }
model "smart" { "openai/gpt-4o" }

policy "../../scripts/guard.lua" { args = { most_tokens = 100000, words = { "project nightfall" } } }
policy "../../scripts/support.lua" {
    models = { "smart" },
    args = { cheap = "fast", large = "smart", faq = { ["opening hours"] = "Monday to Friday, 9:00 to 18:00." } },
}
policy { when = 'req.estimated_input_tokens > 30000', route = "smart" }
