/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_AWS_SERVICE_H
#define LIB_AWS_SERVICE_H

/* Services by protocol, signing name and endpoint prefix (table in endpoint.c). */
enum aws_service {
	AWS_ACM,
	AWS_SECRETSMANAGER,
	AWS_SQS,
	AWS_STS,
	AWS_TAGGING, /* Resource Groups Tagging API */
	AWS_SERVICE_COUNT,
};

#endif
