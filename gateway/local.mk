noinst_LIBRARIES += libwaybill_gateway.a
libwaybill_gateway_a_SOURCES = \
	%D%/apply.c %D%/apply.h \
	%D%/boarding.c %D%/boarding.h \
	%D%/carrier.c %D%/carrier.h \
	%D%/catalogue.c %D%/catalogue.h \
	%D%/cli.c %D%/cli.h \
	%D%/cli_commands.h \
	%D%/daemon_config.c %D%/daemon_config.h \
	%D%/door.c %D%/door.h \
	%D%/doubt.c %D%/doubt.h \
	%D%/forwarder.c %D%/forwarder.h \
	%D%/gather.c %D%/gather.h \
	%D%/input.c %D%/input.h \
	%D%/handover.c %D%/handover.h \
	%D%/input_watch.c %D%/input_watch.h \
	%D%/inlet.c %D%/inlet.h \
	%D%/keeper.c %D%/keeper.h \
	%D%/keyring.c %D%/keyring.h \
	%D%/lane.c %D%/lane.h \
	%D%/lane_access.c %D%/lane_access.h \
	%D%/lane_note.c %D%/lane_note.h \
	%D%/lane_parts.c %D%/lane_parts.h \
	%D%/lane_routes.c %D%/lane_routes.h \
	%D%/lane_stages.c %D%/lane_stages.h \
	%D%/lane_state.c %D%/lane_state.h \
	%D%/manifest.c %D%/manifest.h \
	%D%/manifest_check.c %D%/manifest_check.h \
	%D%/migrate.c \
	%D%/parcel.c %D%/parcel.h \
	%D%/parking.c %D%/parking.h \
	%D%/passing.c %D%/passing.h \
	%D%/progress.c %D%/progress.h \
	%D%/quota.c %D%/quota.h \
	%D%/reception.c %D%/reception.h \
	%D%/recovery.c %D%/recovery.h \
	%D%/revision.c %D%/revision.h \
	%D%/revision_print.c \
	%D%/revision_write.c \
	%D%/road_metric.c %D%/road_metric.h \
	%D%/succession.c %D%/succession.h \
	%D%/topic_check.c %D%/topic_check.h \
	%D%/topic_setup.c %D%/topic_setup.h \
	%D%/transaction.c %D%/transaction.h

# Every layer, in the order of the links: the gateway knows everyone.
WAYBILL_LIBS_GATEWAY = libwaybill_gateway.a $(WAYBILL_LIBS_REPLAY) \
	$(LZMA_LIBS)

bin_PROGRAMS += waybill
waybill_SOURCES = %D%/waybill.c
waybill_LDADD = $(WAYBILL_LIBS_GATEWAY)

bin_PROGRAMS += waybilld
waybilld_SOURCES = %D%/waybilld.c
waybilld_LDADD = $(WAYBILL_LIBS_GATEWAY)

EXTRA_DIST += %D%/README.md

# Where bash looks for it by the command's name.
BASH_COMPLETIONS = $(datadir)/bash-completion/completions

install-data-local: waybill$(EXEEXT)
	$(MKDIR_P) "$(DESTDIR)$(BASH_COMPLETIONS)"
	./waybill$(EXEEXT) completion bash \
		>"$(DESTDIR)$(BASH_COMPLETIONS)/waybill"

uninstall-local:
	rm -f "$(DESTDIR)$(BASH_COMPLETIONS)/waybill"
