noinst_LIBRARIES += libwaybill_contracts.a
libwaybill_contracts_a_SOURCES = \
	%D%/annotation.c %D%/annotation.h \
	%D%/avrojson.c %D%/avrojson.h \
	%D%/canonical.c %D%/canonical.h \
	%D%/checker.c %D%/checker.h \
	%D%/contract.c %D%/contract.h \
	%D%/contract_finding.c %D%/contract_finding.h \
	%D%/contract_path.c %D%/contract_path.h \
	%D%/contract_plan.h \
	%D%/contract_reference.c %D%/contract_reference.h \
	%D%/contract_rule.c %D%/contract_rule.h \
	%D%/contract_stage.c \
	%D%/csvfield.c %D%/csvfield.h \
	%D%/csvrows.c %D%/csvrows.h \
	%D%/csvtable.c %D%/csvtable.h \
	%D%/explainer.c %D%/explainer.h \
	%D%/framing.c %D%/framing.h \
	%D%/isotime.c %D%/isotime.h \
	%D%/jsonplan.c %D%/jsonplan.h \
	%D%/jsonreader.c %D%/jsonreader.h \
	%D%/jsonscalar.c %D%/jsonscalar.h \
	%D%/jsonstate.c %D%/jsonstate.h \
	%D%/jsontext.c %D%/jsontext.h \
	%D%/measure.c %D%/measure.h \
	%D%/numeral.c %D%/numeral.h \
	%D%/program.c %D%/program.h \
	%D%/records.c %D%/records.h \
	%D%/schema.c %D%/schema.h \
	%D%/schema_default.c %D%/schema_default.h \
	%D%/schema_logical.c %D%/schema_logical.h \
	%D%/schema_reader.c %D%/schema_reader.h \
	%D%/varint.h

WAYBILL_LIBS_CONTRACTS = libwaybill_contracts.a $(WAYBILL_LIBS_MODEL)

EXTRA_DIST += %D%/README.md
