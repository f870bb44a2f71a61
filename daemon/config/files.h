/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DAEMON_CONFIG_FILES_H
#define DAEMON_CONFIG_FILES_H

/* The files of the configuration: which they are, whether they can be trusted, and their union. */

#include "daemon/config/problems.h"
#include "lib/yaml/yaml.h"

/* What was read; the nodes of root name the documents' files. */
struct config_files {
	struct yaml_document **documents;
	size_t count;
	bool incomplete; /* something could not be read: what refers to it cannot be judged */
	struct yaml_node *root; /* a map, never NULL; maps of names in it are sorted by name */
};

#define CONFIG_FILES_NULL ((struct config_files){ 0 })

/**
 * files_read(files, path, problems), files_read_directory(files, directory, problems):
 * Read one file, or certferry.yaml and the *.yaml in conf.d of a directory, into documents.
 */
void files_read(struct config_files *files, const char *path, struct config_problems *problems);
void files_read_directory(
	struct config_files *files, const char *directory, struct config_problems *problems);

/* files_add(files, path, text, length, problems): a document from memory. */
void files_add(struct config_files *files, const char *path, const char *text, size_t length,
	struct config_problems *problems);

/**
 * files_unite(files, problems):
 * Make root of all documents.  A key set twice, or a name under one, is a problem that names
 * both places.
 */
void files_unite(struct config_files *files, struct config_problems *problems);

void files_done(struct config_files *files);

#endif
