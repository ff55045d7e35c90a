-- The least there is to say: one provider, one model. OPENAI_API_KEY is in the environment.
provider "openai" {}
model "fast" { "openai/gpt-4o-mini" }
