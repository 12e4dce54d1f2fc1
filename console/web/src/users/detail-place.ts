import { createContext } from 'react'

/** Where a user opens: beside the list, or as the whole page. */
export const DetailPlace = createContext({ whole: true, widen: () => {} })
