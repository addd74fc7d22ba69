# The rules of the house. They read the sources and this build; not part of make
# check, since a release's tarball need not have clang-format and shellcheck.
check-house: all
	$(srcdir)/%D%/run --root $(srcdir) --build .

.PHONY: check-house

EXTRA_DIST += \
	%D%/README.md \
	%D%/check_deploy \
	%D%/check_dist \
	%D%/check_reference \
	%D%/check_report \
	%D%/rule_format.py \
	%D%/rule_headers.py \
	%D%/rule_layers.py \
	%D%/rule_lengths.py \
	%D%/rule_licence.py \
	%D%/rule_links.py \
	%D%/rule_migrations.py \
	%D%/rule_mirror.py \
	%D%/rule_names.py \
	%D%/rule_openapi.py \
	%D%/rule_readmes.py \
	%D%/rule_vendors.py \
	%D%/rule_words.py \
	%D%/run \
	%D%/tree.py
