/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/conductor/say.h"

void say_certificate(struct log_fields *fields, const char *name, const char *arn)
{
	log_field(fields, "CERTFERRY_CERTIFICATE", "%s", name);
	log_field(fields, "CERTFERRY_SOURCE_ARN", "%s", arn);
}

void say_delivery(struct log_fields *fields, const struct delivery *delivery)
{
	const struct place *place = delivery->place;

	say_certificate(fields, delivery->certificate, delivery->source_arn);
	log_field(fields, "CERTFERRY_DELIVERY", "%s", delivery->name);
	log_field(fields, "CERTFERRY_DESTINATION", "%s", place->destination->name);
	log_field(fields, "CERTFERRY_OBJECT", "%s", delivery->object);
	if (place_part(place, "account"))
		log_field(fields, "CERTFERRY_ACCOUNT", "%s", place_part(place, "account"));
	if (place_part(place, "region"))
		log_field(fields, "CERTFERRY_REGION", "%s", place_part(place, "region"));
}

void say_version(struct log_fields *fields, const struct version *version)
{
	char fingerprint[FINGERPRINT_TEXT_SIZE], end[TIME_TEXT_SIZE];

	log_field(fields, "CERTFERRY_FINGERPRINT", "%s",
		digest_format(&version->digest, fingerprint));
	log_field(fields, "CERTFERRY_NOT_AFTER", "%s", time_format(version->not_after, end));
}

void say_error(struct log_fields *fields, const struct error *err)
{
	log_field(fields, "CERTFERRY_ERROR_KIND", "%s", error_kind_name(err->kind));
	log_field(fields, "CERTFERRY_ERROR_CODE", "%d", err->code);
	log_field(fields, "CERTFERRY_ERROR", "%s", err->text ? err->text : "");
}

void say_next_try(struct log_fields *fields, unsigned attempt, usec_t next_try)
{
	char when[TIME_TEXT_SIZE];

	log_field(fields, "CERTFERRY_ATTEMPT", "%u", attempt);
	log_field(fields, "CERTFERRY_NEXT_TRY", "%s", time_format(next_try, when));
}

void say_unit(struct log_fields *fields, const char *dependent, const char *unit)
{
	log_field(fields, "CERTFERRY_DEPENDENT", "%s", dependent);
	log_field(fields, "CERTFERRY_UNIT", "%s", unit);
}
