// Package openapi holds the OpenAPI document of the decision service's HTTP
// address and shows it as a page to read.
//
// The document is generated: REST from the contract, the rest from page.yaml.
// The page is rendered from the document once, by itself: it loads nothing
// from anywhere and runs no script. The decision service's server imports it.
package openapi
