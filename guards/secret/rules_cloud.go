package secret

import w "outrider.dev/outrider/guards/window"

// cloudRules are the keys of clouds and of what keeps their keys.
func cloudRules() []rule {
	return []rule{
		{"aws-access-key", "AWS access key id", "AKIA", base32Upper, 16, 16, 0},
		{"aws-temporary-key", "AWS temporary access key id", "ASIA", base32Upper, 16, 16, 0},
		{"aws-bearer-key", "AWS bearer key id", "ABIA", base32Upper, 16, 16, 0},
		{"aws-context-key", "AWS context key id", "ACCA", base32Upper, 16, 16, 0},
		{"aws-old-key", "AWS access key id of the older form", "A3T", base32Upper, 17, 17, mixed},
		{"aws-bedrock-key", "Amazon Bedrock key", "ABSK", w.Base64, 80, 0, mixed},
		{"aws-bedrock-short-key", "Amazon Bedrock short-lived key", "bedrock-api-key-", w.Base64, 40, 0, mixed},
		{"aws-mws-token", "Amazon MWS token", "amzn.mws.", hexDash, 36, 0, 0},
		{"google-key", "Google API key", "AIza", w.URLSafe, 35, 40, 0},
		{"google-oauth-token", "Google OAuth token", "ya29.", dotted, 30, 0, 0},
		{"google-client-secret", "Google client secret", "GOCSPX-", w.URLSafe, 24, 0, 0},
		{"google-refresh-token", "Google refresh token", "1//0", w.URLSafe, 38, 0, mixed},
		{"azure-storage-key", "Azure storage account key", "AccountKey=", w.Base64, 80, 0, mixed},
		{"azure-shared-key", "Azure shared access key", "SharedAccessKey=", w.Base64, 40, 0, mixed},
		{"alibaba-key", "Alibaba Cloud access key id", "LTAI", w.Alnum, 16, 26, mixed},
		{"tencent-key", "Tencent Cloud secret id", "AKID", w.Alnum, 32, 36, mixed},
		{"yandex-key", "Yandex Cloud key", "AQVN", w.URLSafe, 34, 40, mixed},
		{"yandex-access-key", "Yandex Cloud static key", "YCAJ", w.URLSafe, 21, 21, 0},
		{"yandex-iam-token", "Yandex Cloud IAM token", "t1.", dotted | w.Equals, 86, 0, mixed},
		{"yandex-oauth-token", "Yandex OAuth token", "y0_", w.URLSafe, 50, 0, mixed},
		{"scaleway-access-key", "Scaleway access key", "SCW", base32Upper, 17, 17, mixed},
		{"digitalocean-token", "DigitalOcean token", "dop_v1_", w.Hex, 40, 0, 0},
		{"digitalocean-oauth-token", "DigitalOcean OAuth token", "doo_v1_", w.Hex, 40, 0, 0},
		{"digitalocean-refresh-token", "DigitalOcean refresh token", "dor_v1_", w.Hex, 40, 0, 0},
		{"cloudflare-origin-key", "Cloudflare origin CA key", "v1.0-", hexDash, 100, 0, 0},
		{"private_key-in-base64", "Private key of PEM, in base64 as a whole", "LS0tLS1CRUdJ" + "TiBQUklWQVRFIEtFWS0tLS0t", w.Base64, 24, 0, 0},
		{"private_key-rsa-in-base64", "RSA private key of PEM, in base64 as a whole", "LS0tLS1CRUdJ" + "TiBSU0EgUFJJVkFURSBLRVktLS0t", w.Base64, 24, 0, 0},
		{"private_key-ec-in-base64", "EC private key of PEM, in base64 as a whole", "LS0tLS1CRUdJ" + "TiBFQyBQUklWQVRFIEtFWS0tLS0t", w.Base64, 24, 0, 0},
		{"private_key-openssh-in-base64", "OpenSSH private key of PEM, in base64 as a whole", "LS0tLS1CRUdJ" + "TiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0t", w.Base64, 24, 0, 0},
		{"private_key-encrypted-in-base64", "Encrypted private key of PEM, in base64 as a whole", "LS0tLS1CRUdJ" + "TiBFTkNSWVBURUQgUFJJVkFURSBLRVktLS0t", w.Base64, 24, 0, 0},
		{"private_key-pgp-in-base64", "PGP private key of PEM, in base64 as a whole", "LS0tLS1CRUdJ" + "TiBQR1AgUFJJVkFURSBLRVkgQkxPQ0stLS0t", w.Base64, 24, 0, 0},
		{"vault-token", "Vault service token", "hvs.", w.URLSafe, 24, 0, 0},
		{"vault-batch-token", "Vault batch token", "hvb.", w.URLSafe, 60, 0, 0},
		{"vault-recovery-token", "Vault recovery token", "hvr.", w.URLSafe, 60, 0, 0},
		{"vault-old-token", "Vault token of the older form", "s.", w.Alnum, 24, 24, random},
		{"doppler-token", "Doppler personal token", "dp.pt.", w.Alnum, 40, 0, mixed},
		{"doppler-service-token", "Doppler service token", "dp.st.", dotted, 40, 0, mixed},
		{"doppler-cli-token", "Doppler command line token", "dp.ct.", w.Alnum, 40, 0, mixed},
		{"doppler-account-token", "Doppler service account token", "dp.sa.", w.Alnum, 40, 0, mixed},
		{"1password-service-token", "1Password service account token", "ops_eyJ", w.Base64, 80, 0, mixed},
		{"1password-secret-key", "1Password secret key", "A3-", base32Upper | w.Dash, 32, 32, mixed},
		{"age-key", "age secret key", "AGE-SECRET-KEY-1", base32Upper, 50, 0, mixed},
	}
}

// dataRules are the keys of databases and of what moves data.
func dataRules() []rule {
	return []rule{
		{"databricks-token", "Databricks token", "dapi", hexDash, 32, 34, mixed},
		{"planetscale-token", "PlanetScale token", "pscale_tkn_", dotted, 32, 0, 0},
		{"planetscale-password", "PlanetScale password", "pscale_pw_", dotted, 32, 0, 0},
		{"planetscale-oauth-token", "PlanetScale OAuth token", "pscale_oauth_", dotted, 32, 0, 0},
		{"supabase-token", "Supabase token", "sbp_", w.Hex, 40, 0, 0},
		{"supabase-secret-key", "Supabase secret key", "sb_secret_", w.URLSafe, 20, 0, 0},
		{"neon-key", "Neon key", "napi_", w.Alnum, 40, 0, mixed},
		{"mongodb-client-secret", "MongoDB Atlas client secret", "mdb_sa_sk_", w.URLSafe, 36, 0, mixed},
		{"clickhouse-key", "ClickHouse Cloud secret key", "4b1d", w.Alnum, 38, 38, mixed},
		{"dbt-token", "dbt user token", "dbtu_", w.URLSafe, 36, 0, mixed},
		{"dbt-service-token", "dbt service token", "dbtc_", w.URLSafe, 36, 0, mixed},
		{"contentful-token", "Contentful personal token", "CFPAT-", w.URLSafe, 40, 0, mixed},
		{"mapbox-secret-token", "Mapbox secret token", "sk.eyJ", dotted, 40, 0, mixed},
		{"mapbox-token", "Mapbox token", "pk.eyJ", dotted, 40, 0, mixed},
	}
}

// watchRules are the keys of what observes systems.
func watchRules() []rule {
	return []rule{
		{"sentry-organization-token", "Sentry organization token", "sntrys_", padded, 40, 0, mixed},
		{"sentry-token", "Sentry user token", "sntryu_", w.Hex, 40, 0, 0},
		{"grafana-token", "Grafana service account token", "glsa_", wordly, 32, 0, mixed},
		{"grafana-cloud-token", "Grafana Cloud token", "glc_", w.Base64, 32, 0, mixed},
		{"grafana-key", "Grafana key", "eyJrIjoi", w.Base64, 50, 0, mixed},
		{"newrelic-key", "New Relic user key", "NRAK-", base32Upper, 27, 0, mixed},
		{"newrelic-insert-key", "New Relic insert key", "NRII-", w.URLSafe, 32, 0, 0},
		{"newrelic-browser-key", "New Relic browser key", "NRJS-", w.Hex, 19, 0, 0},
		{"dynatrace-token", "Dynatrace token", "dt0c01.", base32Upper | w.Dot, 60, 0, mixed},
		{"dynatrace-secret", "Dynatrace OAuth secret", "dt0s", base32Upper | w.Dot, 60, 0, mixed},
		{"honeycomb-key", "Honeycomb ingest key", "hcaik_", lowAlnum, 32, 0, mixed},
		{"honeycomb-management-key", "Honeycomb management key", "hcamk_", lowAlnum, 32, 0, mixed},
		{"launchdarkly-sdk-key", "LaunchDarkly SDK key", "sdk-", hexDash, 36, 36, mixed},
		{"launchdarkly-token", "LaunchDarkly access token", "api-", hexDash, 36, 36, mixed},
		{"posthog-key", "PostHog personal key", "phx_", w.Alnum, 40, 0, mixed},
	}
}
