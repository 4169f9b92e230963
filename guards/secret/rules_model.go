package secret

import w "outrider.dev/outrider/guards/window"

// modelRules are the keys of model providers and of what is built on them.
func modelRules() []rule {
	return []rule{
		{"anthropic-key", "Anthropic API, admin or session key", "sk-ant-", w.URLSafe, 16, 0, mixed},
		{"openai-project-key", "OpenAI project key", "sk-proj-", w.URLSafe, 20, 0, mixed},
		{"openai-service-key", "OpenAI service account key", "sk-svcacct-", w.URLSafe, 20, 0, mixed},
		{"openai-admin-key", "OpenAI admin key", "sk-admin-", w.URLSafe, 20, 0, mixed},
		{"openai-session", "OpenAI session", "sess-", w.Alnum, 40, 40, mixed},
		{"openrouter-key", "OpenRouter key", "sk-or-v1-", w.Hex, 32, 0, 0},
		{"langfuse-key", "Langfuse secret key", "sk-lf-", hexDash, 32, 0, mixed},
		{"helicone-key", "Helicone key", "sk-helicone-", w.URLSafe, 20, 0, mixed},
		{"openai-key", "OpenAI key, and those of services that took its form", "sk-", w.Alnum, 20, 0, mixed},
		{"cerebras-key", "Cerebras key", "csk-", w.Alnum, 32, 0, mixed},
		{"huggingface-token", "Hugging Face user token", "hf_", w.Alnum, 30, 40, 0},
		{"huggingface-organization-token", "Hugging Face organization token", "api_org_", w.Alnum, 30, 40, 0},
		{"groq-key", "Groq key", "gsk_", w.Alnum, 32, 0, mixed},
		{"xai-key", "xAI key", "xai-", w.Alnum, 32, 0, mixed},
		{"perplexity-key", "Perplexity key", "pplx-", w.Alnum, 32, 0, mixed},
		{"replicate-token", "Replicate token", "r8_", w.Alnum, 32, 0, mixed},
		{"fireworks-key", "Fireworks key", "fw_", w.Alnum, 22, 40, mixed},
		{"together-key", "Together AI key", "tgp_v1_", w.URLSafe, 36, 0, mixed},
		{"nvidia-key", "NVIDIA API key", "nvapi-", w.URLSafe, 40, 0, mixed},
		{"tavily-key", "Tavily key", "tvly-", w.URLSafe, 24, 0, mixed},
		{"firecrawl-key", "Firecrawl key", "fc-", w.Hex, 32, 32, mixed},
		{"jina-key", "Jina AI key", "jina_", wordly, 40, 0, mixed},
		{"voyage-key", "Voyage AI key", "pa-", w.URLSafe, 43, 43, random},
		{"pinecone-key", "Pinecone key", "pcsk_", wordly, 40, 0, mixed},
		{"langsmith-key", "LangSmith key", "lsv2_", wordly, 32, 0, mixed},
		{"wandb-key", "Weights & Biases key", "wandb_v1_", wordly, 40, 0, mixed},
		{"e2b-key", "E2B key", "e2b_", w.Hex, 40, 0, 0},
		{"daytona-key", "Daytona key", "dtn_", w.Hex, 60, 0, 0},
		{"composio-key", "Composio key", "ak_", w.URLSafe, 20, 24, random},
		{"modal-token", "Modal token secret", "as-", w.Alnum, 22, 22, mixed},
	}
}
