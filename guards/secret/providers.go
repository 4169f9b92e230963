package secret

import (
	"slices"

	w "outrider.dev/outrider/guards/window"
)

// named is a credential without a shape of its own: what makes it one is that
// its provider stands before it, beside a word such as key or token.
type named struct {
	id       string // as in rule
	title    string
	words    string // the provider as it is written: alternatives, in lower case and without signs
	body     w.Class
	min, max int
}

const (
	hexLow = w.Hex
	token  = w.URLSafe | w.Equals
	uuid   = hexAny | w.Dash
)

// providers lists them. Shapes of one provider stand together.
func providers() []named {
	return slices.Concat(cloudProviders(), codeProviders(), dataProviders(), serviceProviders(), tradeProviders())
}

func cloudProviders() []named {
	return []named{
		{"aws-secret-key", "AWS secret access key", "aws amazon", w.Base64, 40, 40},
		{"aws-session-token", "AWS session token", "aws amazon", w.Base64, 100, 0},
		{"azure-secret", "Azure client secret", "azure entra msal", w.URLSafe | w.Dot | w.Tilde, 30, 44},
		{"azure-devops-token", "Azure DevOps personal token", "azuredevops devops azdo vsts", lowAlnum, 52, 84},
		{"azure-key", "Azure service key", "azure cosmos cognitive", padded, 32, 88},
		{"google-service-secret", "Google secret without a prefix", "google gcp gemini firebase", padded, 24, 0},
		{"alibaba-secret-key", "Alibaba Cloud secret key", "alibaba aliyun alicloud", w.Alnum, 30, 30},
		{"tencent-secret-key", "Tencent Cloud secret key", "tencent tencentcloud", w.Alnum, 32, 32},
		{"oracle-key", "Oracle Cloud key", "oracle oci", padded, 20, 0},
		{"ibm-key", "IBM Cloud key", "ibm ibmcloud watson", w.URLSafe, 42, 46},
		{"linode-token", "Linode token", "linode akamai", w.Hex, 64, 64},
		{"vultr-key", "Vultr key", "vultr", base32Upper, 36, 36},
		{"hetzner-token", "Hetzner token", "hetzner hcloud", w.Alnum, 64, 64},
		{"scaleway-secret-key", "Scaleway secret key", "scaleway scw", uuid, 36, 36},
		{"ovh-secret", "OVH application secret", "ovh ovhcloud", w.Alnum, 32, 32},
		{"cloudflare-token", "Cloudflare token", "cloudflare cf", w.URLSafe, 37, 40},
		{"fastly-token", "Fastly token", "fastly", w.URLSafe, 32, 32},
		{"heroku-key", "Heroku key", "heroku", uuid, 36, 36},
		{"netlify-token", "Netlify token", "netlify", token, 40, 46},
		{"vercel-token", "Vercel token", "vercel", w.Alnum, 24, 24},
		{"railway-token", "Railway token", "railway", uuid, 36, 36},
		{"ngrok-token", "ngrok token", "ngrok", wordly, 43, 50},
		{"meraki-key", "Cisco Meraki key", "meraki", w.Hex, 40, 40},
		{"fauna-secret", "Fauna secret", "fauna faunadb", w.URLSafe, 36, 44},
	}
}

func codeProviders() []named {
	return []named{
		{"github-old-token", "GitHub token of the older form, or client secret", "github gh", w.Hex, 40, 40},
		{"gitlab-old-token", "GitLab token of the older form", "gitlab", w.URLSafe, 20, 26},
		{"gitea-token", "Gitea token", "gitea forgejo codeberg", w.Hex, 40, 40},
		{"bitbucket-key", "Bitbucket client key", "bitbucket", lowAlnum, 32, 32},
		{"bitbucket-secret", "Bitbucket client secret", "bitbucket", token, 32, 64},
		{"atlassian-old-token", "Atlassian token of the older form", "atlassian jira confluence", lowAlnum, 24, 24},
		{"circleci-old-token", "CircleCI token of the older form", "circleci circle", w.Hex, 40, 40},
		{"travis-token", "Travis CI token", "travis travisci", w.URLSafe, 22, 22},
		{"drone-token", "Drone CI token", "drone droneci", lowAlnum, 32, 32},
		{"codecov-token", "Codecov token", "codecov", hexDash | w.Lower, 32, 36},
		{"codeclimate-token", "Code Climate token", "codeclimate", w.Hex, 40, 64},
		{"sonar-token", "Sonar token", "sonar sonarqube sonarcloud", token, 40, 44},
		{"snyk-token", "Snyk token", "snyk", uuid, 36, 36},
		{"jfrog-key", "JFrog key", "jfrog artifactory bintray xray", w.Alnum, 64, 73},
		{"sourcegraph-old-token", "Sourcegraph token of the older form", "sourcegraph", w.Hex, 40, 40},
		{"buildkite-agent-token", "Buildkite agent token", "buildkite", lowAlnum, 40, 50},
		{"npm-old-token", "npm token of the older form", "npm npmjs npmrc", uuid, 36, 36},
		{"pypi-password", "PyPI password", "pypi twine", padded, 16, 0},
		{"linear-secret", "Linear client secret", "linear", w.Hex, 32, 32},
		{"asana-secret", "Asana client secret", "asana", lowAlnum, 32, 32},
		{"asana-token", "Asana personal token", "asana", w.Alnum | w.Slash | w.Colon, 34, 80},
		{"trello-key", "Trello key or token", "trello", lowAlnum, 32, 64},
		{"clickup-token", "ClickUp token", "clickup", wordly, 36, 48},
		{"shortcut-token", "Shortcut token", "shortcut clubhouse", uuid, 36, 36},
		{"figma-old-token", "Figma token of the older form", "figma", uuid | wordly, 36, 64},
		{"jenkins-token", "Jenkins token", "jenkins", w.Hex, 32, 34},
		{"maven-password", "Maven repository password", "maven sonatype nexus ossrh", padded, 12, 64},
	}
}

func dataProviders() []named {
	return []named{
		{"datadog-key", "Datadog API or application key", "datadog dd ddog", lowAlnum, 32, 40},
		{"newrelic-old-key", "New Relic key of the older form", "newrelic", lowAlnum, 32, 64},
		{"sentry-old-token", "Sentry token of the older form", "sentry", w.Hex, 32, 64},
		{"rollbar-token", "Rollbar token", "rollbar", w.Hex, 32, 128},
		{"bugsnag-key", "Bugsnag key", "bugsnag", w.Hex, 32, 32},
		{"honeycomb-old-key", "Honeycomb key of the older form", "honeycomb", lowAlnum, 22, 32},
		{"splunk-token", "Splunk token", "splunk", uuid, 36, 36},
		{"sumologic-id", "Sumo Logic access id", "sumo sumologic", w.Alnum, 14, 14},
		{"sumologic-key", "Sumo Logic access key", "sumo sumologic", w.Alnum, 64, 64},
		{"logdna-key", "LogDNA key", "logdna mezmo", w.Hex, 32, 32},
		{"loggly-token", "Loggly token", "loggly", uuid, 36, 36},
		{"pagerduty-token", "PagerDuty token", "pagerduty", w.URLSafe | w.Plus, 20, 20},
		{"opsgenie-key", "Opsgenie key", "opsgenie", uuid, 36, 36},
		{"statuspage-key", "Statuspage key", "statuspage", uuid | w.Alnum, 32, 64},
		{"grafana-old-key", "Grafana token without a prefix", "grafana", padded, 32, 0},
		{"amplitude-key", "Amplitude key", "amplitude", w.Hex, 32, 32},
		{"mixpanel-key", "Mixpanel secret", "mixpanel", w.Hex, 32, 32},
		{"segment-key", "Segment key", "segment", wordly, 32, 64},
		{"launchdarkly-old-token", "LaunchDarkly token of the older form", "launchdarkly", token, 40, 40},
		{"elastic-key", "Elastic key", "elastic elasticsearch elasticcloud", padded, 20, 0},
		{"algolia-key", "Algolia key", "algolia", w.Hex | w.Lower, 32, 32},
		{"meilisearch-key", "Meilisearch key", "meilisearch meili", w.Alnum | w.Dash, 32, 64},
		{"airtable-old-key", "Airtable key of the older form", "airtable", w.Alnum, 17, 17},
		{"confluent-key", "Confluent key", "confluent", w.Alnum, 16, 16},
		{"confluent-secret", "Confluent secret", "confluent", padded, 64, 64},
		{"contentful-token", "Contentful delivery token", "contentful", token, 43, 43},
		{"snowflake-password", "Snowflake secret", "snowflake", padded, 12, 0},
		{"looker-id", "Looker client id", "looker", lowAlnum, 20, 20},
		{"looker-secret", "Looker client secret", "looker", lowAlnum, 24, 24},
		{"wandb-old-key", "Weights & Biases key", "wandb", w.Hex, 40, 40},
		{"cohere-key", "Cohere key", "cohere co", w.Alnum, 40, 40},
		{"mistral-key", "Mistral key", "mistral", w.Alnum, 32, 32},
		{"deepgram-key", "Deepgram key", "deepgram", w.Hex, 40, 40},
		{"assemblyai-key", "AssemblyAI key", "assemblyai", w.Hex, 32, 32},
		{"ai21-key", "AI21 key", "ai21", w.Alnum, 32, 32},
		{"privateai-key", "Private AI key", "privateai", lowAlnum, 32, 32},
		{"serpapi-key", "SerpApi key", "serpapi serp", w.Hex, 64, 64},
		{"rapidapi-key", "RapidAPI key", "rapidapi", w.URLSafe, 50, 50},
	}
}

func serviceProviders() []named {
	return []named{
		{"twilio-token", "Twilio auth token", "twilio", w.Hex, 32, 32},
		{"mailchimp-key", "Mailchimp key", "mailchimp mandrill", lowAlnum | w.Dash, 35, 37},
		{"mailgun-old-key", "Mailgun key or signing key", "mailgun", lowAlnum | w.Dash, 32, 50},
		{"postmark-token", "Postmark server token", "postmark", uuid, 36, 36},
		{"sparkpost-key", "SparkPost key", "sparkpost", w.Hex, 40, 40},
		{"messagebird-key", "MessageBird key", "messagebird", w.Alnum, 25, 25},
		{"messagebird-id", "MessageBird client id", "messagebird", uuid, 36, 36},
		{"vonage-secret", "Vonage secret", "vonage nexmo", w.Alnum, 16, 16},
		{"plivo-token", "Plivo token", "plivo", w.Alnum, 38, 60},
		{"sendbird-token", "Sendbird token", "sendbird", w.Hex, 40, 40},
		{"sendbird-id", "Sendbird access id", "sendbird", uuid, 36, 36},
		{"intercom-key", "Intercom key", "intercom", token, 60, 60},
		{"zendesk-key", "Zendesk key", "zendesk", w.Alnum, 40, 40},
		{"freshdesk-key", "Freshdesk key", "freshdesk freshworks", w.Alnum, 16, 24},
		{"freshbooks-token", "FreshBooks token", "freshbooks", lowAlnum, 64, 64},
		{"hubspot-old-key", "HubSpot key of the older form", "hubspot", uuid, 36, 36},
		{"salesforce-secret", "Salesforce secret", "salesforce sfdc", w.Alnum | w.Dot | w.Underscore, 18, 0},
		{"okta-token", "Okta token", "okta", token, 40, 44},
		{"auth0-secret", "Auth0 client secret", "auth0", w.URLSafe, 32, 64},
		{"onelogin-secret", "OneLogin secret", "onelogin", w.Hex, 64, 64},
		{"duo-secret", "Duo secret", "duo duosecurity", w.Alnum, 40, 40},
		{"discord-token", "Discord token or client secret", "discord", dotted | w.Equals, 32, 80},
		{"mattermost-token", "Mattermost token", "mattermost", lowAlnum, 26, 26},
		{"gitter-token", "Gitter token", "gitter", w.URLSafe, 40, 40},
		{"zoom-secret", "Zoom client secret", "zoom", w.Alnum, 22, 40},
		{"telegram-token", "Telegram token", "telegram", w.URLSafe | w.Colon, 40, 52},
		{"twitter-key", "Twitter key", "twitter", w.Alnum, 25, 25},
		{"twitter-secret", "Twitter secret", "twitter", w.Alnum, 45, 50},
		{"twitter-token", "Twitter access token", "twitter", w.Alnum | w.Dash, 36, 66},
		{"twitch-token", "Twitch token", "twitch", lowAlnum, 30, 30},
		{"facebook-secret", "Facebook application secret", "facebook meta instagram", w.Hex, 32, 32},
		{"linkedin-id", "LinkedIn client id", "linkedin", w.Alnum, 14, 14},
		{"linkedin-secret", "LinkedIn client secret", "linkedin", w.Alnum, 16, 16},
		{"spotify-secret", "Spotify client secret", "spotify", w.Hex, 32, 32},
		{"reddit-secret", "Reddit client secret", "reddit", w.URLSafe, 27, 30},
		{"flickr-key", "Flickr key", "flickr", lowAlnum, 16, 32},
		{"dropbox-secret", "Dropbox application secret", "dropbox", lowAlnum, 15, 15},
		{"dropbox-old-token", "Dropbox token of the older form", "dropbox", token, 60, 64},
		{"box-secret", "Box client secret", "box", w.Alnum, 32, 32},
		{"adobe-id", "Adobe client id", "adobe", w.Hex, 32, 32},
		{"adafruit-key", "Adafruit key", "adafruit", w.URLSafe, 32, 36},
		{"beamer-key", "Beamer key", "beamer", token, 46, 46},
		{"etsy-key", "Etsy key", "etsy", lowAlnum, 24, 24},
		{"ebay-secret", "eBay secret", "ebay", w.Alnum | w.Dash, 36, 44},
	}
}

func tradeProviders() []named {
	return []named{
		{"squarespace-token", "Squarespace token", "squarespace", uuid, 36, 36},
		{"shopify-old-key", "Shopify key of the older form", "shopify", w.Hex, 32, 32},
		{"stripe-old-key", "Stripe secret without a prefix", "stripe", w.Alnum, 24, 0},
		{"paypal-secret", "PayPal secret", "paypal", w.URLSafe, 64, 80},
		{"braintree-key", "Braintree private key", "braintree", w.Hex, 32, 32},
		{"adyen-key", "Adyen key", "adyen", padded, 40, 0},
		{"plaid-id", "Plaid client id", "plaid", lowAlnum, 24, 24},
		{"plaid-secret", "Plaid secret", "plaid", lowAlnum, 30, 30},
		{"coinbase-token", "Coinbase token", "coinbase", w.URLSafe, 32, 64},
		{"kraken-key", "Kraken key", "kraken", padded, 56, 90},
		{"binance-key", "Binance key", "binance", w.Alnum, 64, 64},
		{"bittrex-key", "Bittrex key", "bittrex", lowAlnum, 32, 32},
		{"kucoin-key", "KuCoin key", "kucoin", w.Hex, 24, 24},
		{"kucoin-secret", "KuCoin secret", "kucoin", uuid, 36, 36},
		{"finnhub-token", "Finnhub token", "finnhub", lowAlnum, 20, 40},
		{"finicity-token", "Finicity token", "finicity", w.Hex, 32, 32},
		{"finicity-secret", "Finicity client secret", "finicity", lowAlnum, 20, 20},
		{"lob-key", "Lob key", "lob", wordly, 31, 44},
		{"mapbox-key", "Mapbox key", "mapbox", dotted, 60, 0},
		{"openweather-key", "OpenWeather key", "openweather openweathermap owm", w.Hex, 32, 32},
		{"nytimes-key", "New York Times key", "nytimes nyt", token, 32, 32},
		{"newsapi-key", "NewsAPI key", "newsapi", w.Hex, 32, 32},
		{"maxmind-key", "MaxMind key", "maxmind geoip", wordly, 16, 40},
		{"yandex-key", "Yandex key", "yandex", padded | w.Dot, 36, 0},
		{"sidekiq-secret", "Sidekiq credentials", "sidekiq contribsys", w.Hex | w.Colon, 17, 17},
		{"onepassword-token", "1Password token", "onepassword 1password", padded | w.Dot, 26, 0},
		{"pushover-token", "Pushover token", "pushover", lowAlnum, 30, 30},
		{"ifttt-key", "IFTTT key", "ifttt", w.URLSafe, 22, 43},
		{"samsara-token", "Samsara token", "samsara", wordly, 30, 44},
	}
}
