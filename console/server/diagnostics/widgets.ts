/** What services contribute to the Overview, read from the contracts that proxies are given. */
import { getOption, toBinary } from '@bufbuild/protobuf'
import { WidgetSchema, widget as widgetOption } from '@site11/proto/es/site11/types/v1/widget_pb.ts'
import type { ListWidgetsResponse, ServiceWidget } from '@site11/proto/grpc/site11/console/v1/diagnostics_service.ts'
import { Widget } from '@site11/proto/grpc/site11/types/v1/widget.ts'
import { type InForce, readingOnce } from './in-force.ts'
import { compare } from './words.ts'

export const listWidgets = (inForce: readonly InForce[]): ListWidgetsResponse => ({
  widgets: inForce.toSorted((a, b) => compare(a.name, b.name)).flatMap(widgetsOf),
})

const widgetsOf = readingOnce((service, own): ServiceWidget[] =>
  getOption(own, widgetOption).map(each => ({ service, widget: Widget.decode(toBinary(WidgetSchema, each)) })),
)
