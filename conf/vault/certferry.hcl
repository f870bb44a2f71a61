# SPDX-License-Identifier: Apache-2.0
# What certferryd may do in Vault or OpenBao, and nothing else.  Adjust the mount (secret) and the prefix of the names (tls)
# to your destination; in a namespace, write the policy in that namespace.
#
#	vault policy write certferry certferry.hcl	(OpenBao: bao policy write certferry certferry.hcl)
#
# certferryd never reads what a secret holds: no path here has "read" on data.

# It sees by the metadata which version is current and whose it is, and says there whose a new version is.
path "secret/metadata/tls/*" {
  capabilities = ["create", "read", "patch"]
}

# Each version is an update, also the first one: its metadata are there before it.
path "secret/data/tls/*" {
  capabilities = ["update"]
}

# It finds out how long its token lives, and renews it.  The policy "default" has both; a role can leave that out.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/renew-self" {
  capabilities = ["update"]
}
