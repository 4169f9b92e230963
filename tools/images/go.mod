// The images' certificates come from a pinned module, so that an image is the
// same wherever it was made.
module outrider.dev/outrider/tools/images

go 1.26.0

require golang.org/x/crypto/x509roots/fallback v0.0.0-20261030153154-30a33513ff6d
