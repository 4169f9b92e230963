package secret

import w "outrider.dev/outrider/guards/window"

// chatRules are the keys and webhooks of where people and programs talk.
func chatRules() []rule {
	return []rule{
		{"slack-bot-token", "Slack bot token", "xoxb-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-user-token", "Slack user token", "xoxp-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-workspace-token", "Slack workspace token", "xoxa-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-refresh-token", "Slack workspace refresh token", "xoxr-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-legacy-token", "Slack legacy token", "xoxs-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-legacy-user-token", "Slack legacy user token", "xoxo-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-session-token", "Slack session token", "xoxc-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-session-cookie", "Slack session cookie", "xoxd-", padded | w.Percent, 40, 0, mixed},
		{"slack-configuration-refresh-token", "Slack configuration refresh token", "xoxe-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-configuration-token", "Slack configuration token", "xoxe.xox", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-app-token", "Slack app token", "xapp-", w.Alnum | w.Dash, 20, 0, mixed},
		{"slack-webhook", "Slack incoming webhook", "hooks.slack.com/services/", w.Alnum | w.Slash | w.Plus, 30, 0, mixed},
		{"slack-workflow", "Slack workflow webhook", "hooks.slack.com/workflows/", w.Alnum | w.Slash | w.Plus, 30, 0, mixed},
		{"slack-trigger", "Slack trigger webhook", "hooks.slack.com/triggers/", w.Alnum | w.Slash | w.Plus, 30, 0, mixed},
		{"discord-webhook", "Discord webhook", "discord.com/api/webhooks/", w.URLSafe | w.Slash, 40, 0, mixed},
		{"discord-old-webhook", "Discord webhook with the older host", "discordapp.com/api/webhooks/", w.URLSafe | w.Slash, 40, 0, mixed},
		{"teams-webhook", "Microsoft Teams webhook", "webhook.office.com/webhookb2/", linked, 40, 0, mixed},
		{"teams-old-webhook", "Microsoft Teams webhook with the older host", "outlook.office.com/webhook/", linked, 40, 0, mixed},
		{"telegram-url", "Telegram bot token in a URL", "api.telegram.org/bot", w.URLSafe | w.Colon, 40, 0, mixed},
		{"zapier-webhook", "Zapier webhook", "hooks.zapier.com/hooks/catch/", w.URLSafe | w.Slash, 14, 0, 0},
		{"make-webhook", "Make webhook, in Europe", "hook.eu1.make.com/", lowAlnum, 24, 0, mixed},
		{"make-webhook-2", "Make webhook, in Europe", "hook.eu2.make.com/", lowAlnum, 24, 0, mixed},
		{"make-webhook-us", "Make webhook, in the USA", "hook.us1.make.com/", lowAlnum, 24, 0, mixed},
		{"webex-webhook", "Webex webhook", "webexapis.com/v1/webhooks/incoming/", w.URLSafe, 40, 0, mixed},
		{"frameio-token", "Frame.io token", "fio-u-", w.URLSafe | w.Equals, 60, 0, mixed},
		{"figma-token", "Figma token", "figd_", w.URLSafe, 32, 0, 0},
		{"figma-user-token", "Figma user token", "figu_", w.URLSafe, 32, 0, 0},
		{"notion-token", "Notion token", "ntn_", w.Alnum, 40, 0, mixed},
		{"notion-old-token", "Notion token of the older form", "secret_", w.Alnum, 40, 50, mixed},
		{"readme-key", "ReadMe key", "rdme_", w.Alnum, 60, 0, mixed},
	}
}

// moneyRules are the keys of payments and trade.
func moneyRules() []rule {
	return []rule{
		{"stripe-key", "Stripe secret key; Paystack and others took its form", "sk_live_", w.Alnum, 16, 0, mixed},
		{"stripe-restricted-key", "Stripe restricted key", "rk_live_", w.Alnum, 16, 0, mixed},
		{"stripe-test-key", "Stripe test key", "sk_test_", w.Alnum, 16, 0, mixed},
		{"stripe-restricted-test-key", "Stripe restricted test key", "rk_test_", w.Alnum, 16, 0, mixed},
		{"stripe-production-key", "Stripe production key", "sk_prod_", w.Alnum, 16, 0, mixed},
		{"stripe-webhook-secret", "Stripe webhook secret", "whsec_", w.Base64, 32, 0, mixed},
		{"square-token", "Square token", "sq0atp-", w.URLSafe, 22, 0, 0},
		{"square-secret", "Square application secret", "sq0csp-", w.URLSafe, 40, 0, 0},
		{"square-access-token", "Square access token", "EAAA", w.URLSafe, 56, 64, mixed},
		{"paypal-token", "PayPal Braintree token", "access_token$production$", w.Alnum | w.Dollar, 40, 0, mixed},
		{"paypal-sandbox-token", "PayPal Braintree sandbox token", "access_token$sandbox$", w.Alnum | w.Dollar, 40, 0, mixed},
		{"plaid-token", "Plaid production token", "access-production-", hexDash, 36, 0, mixed},
		{"plaid-development-token", "Plaid development token", "access-development-", hexDash, 36, 0, mixed},
		{"plaid-sandbox-token", "Plaid sandbox token", "access-sandbox-", hexDash, 36, 0, mixed},
		{"flutterwave-key", "Flutterwave secret key", "FLWSECK-", w.Alnum | w.Dash, 30, 0, mixed},
		{"flutterwave-test-key", "Flutterwave test secret key", "FLWSECK_TEST-", w.Alnum | w.Dash, 30, 0, mixed},
		{"razorpay-key", "Razorpay key", "rzp_live_", w.Alnum, 14, 24, mixed},
		{"razorpay-test-key", "Razorpay test key", "rzp_test_", w.Alnum, 14, 24, mixed},
		{"payment-live-key", "Key of Lob, Mollie, GoCardless and others", "live_", w.URLSafe, 30, 0, random},
		{"payment-test-key", "Test key of Lob, Mollie, GoCardless and others", "test_", w.Alnum, 30, 40, random},
		{"shopify-token", "Shopify app token", "shpat_", hexAny, 32, 0, 0},
		{"shopify-custom-token", "Shopify custom app token", "shpca_", hexAny, 32, 0, 0},
		{"shopify-private-token", "Shopify private app token", "shppa_", hexAny, 32, 0, 0},
		{"shopify-shared-secret", "Shopify shared secret", "shpss_", hexAny, 32, 0, 0},
		{"woocommerce-secret", "WooCommerce consumer secret", "cs_", w.Hex, 40, 40, mixed},
		{"woocommerce-key", "WooCommerce consumer key", "ck_", w.Hex, 40, 40, mixed},
		{"shippo-token", "Shippo token", "shippo_live_", hexAny, 40, 0, 0},
		{"shippo-test-token", "Shippo test token", "shippo_test_", hexAny, 40, 0, 0},
		{"easypost-key", "EasyPost key", "EZAK", w.Alnum, 54, 0, mixed},
		{"easypost-test-key", "EasyPost test key", "EZTK", w.Alnum, 54, 0, mixed},
		{"duffel-token", "Duffel token", "duffel_live_", w.URLSafe | w.Equals, 36, 0, mixed},
		{"duffel-test-token", "Duffel test token", "duffel_test_", w.URLSafe | w.Equals, 36, 0, mixed},
	}
}

// serviceRules are the keys of mail, advertising and other services.
func serviceRules() []rule {
	return []rule{
		{"twilio-key", "Twilio API key", "SK", hexAny, 32, 32, mixed},
		{"sendgrid-key", "SendGrid key", "SG.", dotted, 60, 0, mixed},
		{"mailgun-key", "Mailgun private key", "key-", w.Hex, 32, 32, mixed},
		{"mailgun-public-key", "Mailgun public validation key", "pubkey-", w.Hex, 32, 32, mixed},
		{"brevo-key", "Brevo key", "xkeysib-", w.Alnum | w.Dash, 64, 0, mixed},
		{"brevo-smtp-key", "Brevo SMTP key", "xsmtpsib-", w.Alnum | w.Dash, 64, 0, mixed},
		{"mandrill-key", "Mandrill key", "md-", w.URLSafe, 22, 22, random},
		{"klaviyo-key", "Klaviyo private key", "pk_", w.Hex, 34, 34, mixed},
		{"dropbox-token", "Dropbox token", "sl.", w.URLSafe | w.Equals, 60, 0, mixed},
		{"typeform-token", "Typeform token", "tfp_", dotted | w.Equals, 40, 0, mixed},
		{"facebook-token", "Facebook token of the older form", "EAACEdEose0cBA", w.Alnum, 20, 0, 0},
		{"facebook-access-token", "Facebook access token", "EAA", w.Alnum, 80, 0, random},
		{"instagram-token", "Instagram token", "IGQV", w.Alnum, 60, 0, mixed},
		{"twitter-bearer", "Twitter bearer token", "AAAAAAAAAAAAAAAAAAAAA", w.Alnum | w.Percent, 60, 0, mixed},
		{"linkedin-secret", "LinkedIn client secret", "WPL_AP1.", padded | w.Dot, 16, 0, mixed},
		{"hubspot-token", "HubSpot private app token, North America", "pat-na1-", hexDash, 32, 0, mixed},
		{"hubspot-token-na2", "HubSpot private app token, North America", "pat-na2-", hexDash, 32, 0, mixed},
		{"hubspot-token-eu", "HubSpot private app token, Europe", "pat-eu1-", hexDash, 32, 0, mixed},
		{"adobe-secret", "Adobe client secret", "p8e-", w.URLSafe, 32, 32, mixed},
		{"intra42-secret", "42 intra client secret", "s-s4t2ud-", w.Hex, 60, 0, 0},
		{"intra42-app-secret", "42 intra application secret", "s-s4t2af-", w.Hex, 60, 0, 0},
		{"stytch-secret", "Stytch secret", "secret-live-", w.URLSafe | w.Equals, 32, 0, mixed},
		{"stytch-test-secret", "Stytch test secret", "secret-test-", w.URLSafe | w.Equals, 32, 0, mixed},
		{"elevenlabs-key", "ElevenLabs key", "sk_", w.Hex, 40, 0, mixed},
		{"airtable-token", "Airtable token", "pat", w.Alnum | w.Dot, 70, 90, mixed},
	}
}
