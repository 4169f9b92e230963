package secret

import w "outrider.dev/outrider/guards/window"

// rule is one shape of credential: a prefix and a body of one alphabet. With
// max 0 the first min bytes of the body prove it and the rest of the run
// belongs to it; otherwise the body is min to max bytes and ends there.
type rule struct {
	provider string
	prefix   string
	body     w.Class
	min, max int
	mixed    bool // digits and letters must both occur: the prefix is weak
}

const (
	base32Upper = w.Digit | w.HexUpper | w.Upper
	hexAny      = w.Hex | w.HexUpper
	dotted      = w.URLSafe | w.Dot
	padded      = w.Base64 | w.Dash | w.Underscore
)

// rules lists the shapes. Where one prefix begins another, the longer stands first.
func rules() []rule {
	return append(append(append(modelRules(), codeRules()...), cloudRules()...), serviceRules()...)
}

// modelRules are the keys of model providers.
func modelRules() []rule {
	return []rule{
		{"anthropic", "sk-ant-", w.URLSafe, 16, 0, true},
		{"openai", "sk-proj-", w.URLSafe, 20, 0, true},
		{"openai", "sk-svcacct-", w.URLSafe, 20, 0, true},
		{"openai", "sk-admin-", w.URLSafe, 20, 0, true},
		{"openai", "sess-", w.Alnum, 40, 40, true},
		{"openrouter", "sk-or-v1-", w.Hex, 32, 0, false},
		{"langsmith", "lsv2_", w.Alnum | w.Underscore, 32, 0, true},
		{"openai", "sk-", w.Alnum, 20, 0, true},
		{"huggingface", "hf_", w.Alnum, 30, 40, false},
		{"huggingface", "api_org_", w.Alnum, 30, 40, false},
		{"groq", "gsk_", w.Alnum, 32, 0, true},
		{"xai", "xai-", w.Alnum, 32, 0, true},
		{"perplexity", "pplx-", w.Alnum, 32, 0, true},
		{"replicate", "r8_", w.Alnum, 32, 0, true},
		{"fireworks", "fw_", w.Alnum, 22, 40, true},
		{"nvidia", "nvapi-", w.URLSafe, 40, 0, true},
		{"tavily", "tvly-", w.URLSafe, 24, 0, true},
	}
}

// codeRules are the keys of code hosting, packages and delivery.
func codeRules() []rule {
	return []rule{
		{"github", "github_pat_", w.Alnum | w.Underscore, 40, 0, true},
		{"github", "ghp_", w.Alnum, 30, 0, false},
		{"github", "gho_", w.Alnum, 30, 0, false},
		{"github", "ghu_", w.Alnum, 30, 0, false},
		{"github", "ghs_", w.Alnum | w.Underscore, 30, 0, true},
		{"github", "ghr_", w.Alnum, 30, 0, false},
		{"gitlab", "glpat-", dotted, 20, 0, false},
		{"gitlab", "gldt-", dotted, 20, 0, false},
		{"gitlab", "glrt-", dotted, 20, 0, false},
		{"gitlab", "glcbt-", dotted, 20, 0, false},
		{"gitlab", "glptt-", w.Hex, 40, 0, false},
		{"gitlab", "glsoat-", dotted, 20, 0, false},
		{"gitlab", "GR1348941", w.URLSafe, 20, 0, false},
		{"npm", "npm_", w.Alnum, 30, 0, false},
		{"pypi", "pypi-", w.URLSafe, 50, 0, true},
		{"rubygems", "rubygems_", w.Hex, 40, 0, false},
		{"docker", "dckr_pat_", w.URLSafe, 20, 0, false},
		{"docker", "dckr_oat_", w.URLSafe, 20, 0, false},
		{"atlassian", "ATATT3", padded, 40, 0, true},
		{"atlassian", "ATCTT3", padded, 40, 0, true},
		{"artifactory", "AKCp", w.Alnum, 60, 0, true},
		{"clojars", "CLOJARS_", w.Alnum, 50, 0, true},
		{"sentry", "sntrys_", padded, 40, 0, true},
		{"sentry", "sntryu_", w.Hex, 40, 0, false},
		{"linear", "lin_api_", w.Alnum, 32, 0, true},
		{"postman", "PMAK-", w.Hex | w.Dash, 40, 0, true},
		{"pulumi", "pul-", w.Hex, 40, 0, false},
		{"terraform", "atlasv1.", padded, 40, 0, true},
		{"figma", "figd_", w.URLSafe, 32, 0, false},
		{"figma", "figu_", w.URLSafe, 32, 0, false},
		{"readme", "rdme_", w.Alnum, 60, 0, true},
	}
}

// cloudRules are the keys of clouds and infrastructure.
func cloudRules() []rule {
	return []rule{
		{"aws", "AKIA", base32Upper, 16, 16, false},
		{"aws", "ASIA", base32Upper, 16, 16, false},
		{"aws", "ABIA", base32Upper, 16, 16, false},
		{"aws", "ACCA", base32Upper, 16, 16, false},
		{"aws", "ABSK", w.Base64, 80, 0, true},
		{"google", "AIza", w.URLSafe, 35, 40, false},
		{"google", "ya29.", w.URLSafe, 30, 0, false},
		{"google", "GOCSPX-", w.URLSafe, 24, 0, false},
		{"azure", "AccountKey=", w.Base64, 80, 0, true},
		{"azure", "SharedAccessKey=", w.Base64, 40, 0, true},
		{"alibaba", "LTAI", w.Alnum, 17, 26, true},
		{"tencent", "AKID", w.Alnum, 32, 36, true},
		{"digitalocean", "dop_v1_", w.Hex, 40, 0, false},
		{"digitalocean", "doo_v1_", w.Hex, 40, 0, false},
		{"digitalocean", "dor_v1_", w.Hex, 40, 0, false},
		{"databricks", "dapi", w.Hex, 32, 32, true},
		{"vault", "hvs.", w.URLSafe, 24, 0, false},
		{"vault", "hvb.", w.URLSafe, 60, 0, false},
		{"vault", "hvr.", w.URLSafe, 60, 0, false},
		{"doppler", "dp.pt.", w.Alnum, 40, 0, true},
		{"doppler", "dp.st.", dotted, 40, 0, true},
		{"fly", "fm1_", padded, 60, 0, true},
		{"fly", "fm2_", padded, 60, 0, true},
		{"planetscale", "pscale_tkn_", dotted, 32, 0, false},
		{"planetscale", "pscale_pw_", dotted, 32, 0, false},
		{"supabase", "sbp_", w.Hex, 40, 0, false},
		{"supabase", "sb_secret_", w.URLSafe, 20, 0, false},
		{"grafana", "glsa_", w.Alnum | w.Underscore, 32, 0, true},
		{"grafana", "glc_", w.Base64, 40, 0, true},
		{"newrelic", "NRAK-", base32Upper, 27, 0, true},
		{"newrelic", "NRII-", w.URLSafe, 32, 0, false},
		{"dynatrace", "dt0c01.", base32Upper | w.Dot, 60, 0, true},
		{"age", "AGE-SECRET-KEY-1", base32Upper, 50, 0, true},
	}
}

// serviceRules are the keys of business services.
func serviceRules() []rule {
	return []rule{
		{"slack", "xoxb-", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "xoxp-", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "xoxa-", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "xoxr-", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "xoxs-", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "xoxe-", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "xoxe.xox", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "xapp-", w.Alnum | w.Dash, 20, 0, true},
		{"slack", "hooks.slack.com/services/", w.Alnum | w.Slash, 40, 0, true},
		{"discord", "discord.com/api/webhooks/", w.URLSafe | w.Slash, 70, 0, true},
		{"discord", "discordapp.com/api/webhooks/", w.URLSafe | w.Slash, 70, 0, true},
		{"stripe", "sk_live_", w.Alnum, 16, 0, true},
		{"stripe", "rk_live_", w.Alnum, 16, 0, true},
		{"stripe", "sk_test_", w.Alnum, 16, 0, true},
		{"stripe", "rk_test_", w.Alnum, 16, 0, true},
		{"stripe", "whsec_", w.Base64, 32, 0, true},
		{"square", "sq0atp-", w.URLSafe, 22, 0, false},
		{"square", "sq0csp-", w.URLSafe, 40, 0, false},
		{"paypal", "access_token$production$", w.Alnum | w.Dollar, 40, 0, true},
		{"shopify", "shpat_", hexAny, 32, 0, false},
		{"shopify", "shpca_", hexAny, 32, 0, false},
		{"shopify", "shppa_", hexAny, 32, 0, false},
		{"shopify", "shpss_", hexAny, 32, 0, false},
		{"twilio", "SK", w.Hex, 32, 32, true},
		{"sendgrid", "SG.", dotted, 60, 0, true},
		{"mailgun", "key-", w.Hex, 32, 32, true},
		{"brevo", "xkeysib-", w.Hex | w.Dash, 64, 0, true},
		{"notion", "ntn_", w.Alnum, 40, 0, true},
		{"notion", "secret_", w.Alnum, 40, 50, true},
		{"dropbox", "sl.", w.URLSafe, 100, 0, true},
		{"typeform", "tfp_", w.URLSafe | w.Dot, 40, 0, true},
		{"shippo", "shippo_live_", w.Hex, 40, 0, false},
		{"easypost", "EZAK", w.Alnum, 54, 0, true},
		{"facebook", "EAACEdEose0cBA", w.Alnum, 20, 0, false},
		{"hubspot", "pat-na1-", w.Hex | w.Dash, 32, 0, true},
		{"hubspot", "pat-eu1-", w.Hex | w.Dash, 32, 0, true},
		{"airtable", "pat", w.Alnum | w.Dot, 70, 90, true},
	}
}
