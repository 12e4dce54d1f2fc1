/** A table as a list of columns; on a narrow screen the same rows are cards. */
import { Skeleton, VisuallyHidden } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import styles from './data-table.module.css'

export interface Column<Row> {
  key: string
  header: string
  /** The header is only heard: for a column of buttons. */
  quiet?: boolean
  cell: (row: Row) => ReactNode
  width?: number
}

interface DataTableProps<Row> {
  /** What the table is of, for those who hear it. */
  label: string
  columns: Column<Row>[]
  /** Undefined while loading: skeleton rows in the shape of rows. */
  rows: readonly Row[] | undefined
  rowKey: (row: Row) => string
  /** Shown instead of no rows. */
  empty: ReactNode
}

/** On a card a menu stands in its corner; what is wider stands below, so that it lies upon nothing. */
const quietPlace = ({ width = 0 }: { width?: number }) => (width > 60 ? styles.acts : styles.corner)

export function DataTable<Row>({ label, columns, rows, rowKey, empty }: DataTableProps<Row>) {
  const { t } = useTranslation()
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  if (rows?.length === 0) return <div className={styles.frame}>{empty}</div>
  const body = rows ?? Array.from({ length: 3 }, () => undefined)
  const cell = ({ cell, width }: Column<Row>, row: Row | undefined) =>
    row === undefined ? <Skeleton height={14} my={4} width={width ? width * 0.6 : '60%'} /> : cell(row)
  const keyOf = (row: Row | undefined, index: number) => (row === undefined ? index : rowKey(row))
  const busy = rows === undefined
  return (
    <div className={styles.frame} aria-busy={busy} {...(busy && { role: 'status', 'aria-label': t('common.loading') })}>
      {narrow ? (
        <ul className={styles.cards} aria-label={label}>
          {body.map((row, index) => (
            <li key={keyOf(row, index)}>
              {columns.map((column, place) =>
                place === 0 || column.quiet ? (
                  <div key={column.key} className={column.quiet ? quietPlace(column) : styles.lead}>
                    {cell(column, row)}
                  </div>
                ) : (
                  <dl key={column.key}>
                    <dt>{column.header}</dt>
                    <dd>{cell(column, row)}</dd>
                  </dl>
                ),
              )}
            </li>
          ))}
        </ul>
      ) : (
        <table className={styles.table} aria-label={label}>
          <thead>
            <tr>
              {columns.map(({ key, header, quiet, width }) => (
                <th key={key} scope="col" style={{ width }}>
                  {quiet ? <VisuallyHidden>{header}</VisuallyHidden> : header}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {body.map((row, index) => (
              <tr key={keyOf(row, index)}>
                {columns.map(column => (
                  <td key={column.key}>{cell(column, row)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  )
}
