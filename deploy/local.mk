EXTRA_DIST += %D%/README.md %D%/systemd/waybilld.service.in
nobase_dist_doc_DATA += %D%/waybilld.yaml

systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = %D%/systemd/waybilld.service
CLEANFILES += %D%/systemd/waybilld.service

# At make time, since the prefix may still change then.
%D%/systemd/waybilld.service: %D%/systemd/waybilld.service.in Makefile
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN)sed 's,@bindir[@],$(bindir),g' \
		$(srcdir)/%D%/systemd/waybilld.service.in >$@
