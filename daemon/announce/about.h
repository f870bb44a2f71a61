/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_ANNOUNCE_ABOUT_H
#define DAEMON_ANNOUNCE_ABOUT_H

/* Whom a trouble is about; the name that its subject has is of this kind. */
enum announce_about {
	ABOUT_DAEMON,
	ABOUT_QUEUE,
	ABOUT_ENTRY,
	ABOUT_CERTIFICATE,
	ABOUT_DELIVERY,
	ABOUT_PLACE,
	ABOUT_DEPENDENT,
};

#endif
